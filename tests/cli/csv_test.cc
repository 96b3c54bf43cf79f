#include "cli/csv.h"

#include <cstdlib>

#include "cli/command.h"
#include "tests/cli/program.h"

namespace holdfast::cli {
namespace {

using Record = std::vector<std::string>;

class CsvTest : public ::testing::Test {
protected:
    std::vector<Record> records(const std::string& text,
                                std::vector<std::uint64_t>* lines = nullptr) {
        const auto path = scratch_.path() / "file.csv";
        write_file(path, text);
        CsvReader reader(path);
        std::vector<Record> all;
        Record record;
        while (reader.next(record)) {
            all.push_back(record);
            if (lines != nullptr) {
                lines->push_back(reader.line());
            }
        }
        return all;
    }

    holdfast::testing::ScratchDirectory scratch_;
};

TEST_F(CsvTest, Fields) {
    EXPECT_EQ(records(""), (std::vector<Record>{}));
    EXPECT_EQ(records("\n\r\n"), (std::vector<Record>{}));
    EXPECT_EQ(records("a,b\nc,d\n"), (std::vector<Record>{{"a", "b"}, {"c", "d"}}));
    EXPECT_EQ(records("a,b\r\nc,d"), (std::vector<Record>{{"a", "b"}, {"c", "d"}}));
    EXPECT_EQ(records(",\n,,\n"), (std::vector<Record>{{"", ""}, {"", "", ""}}));
    EXPECT_EQ(records("\xEF\xBB\xBF"
                      "a\n"),
              (std::vector<Record>{{"a"}}));
    EXPECT_EQ(records("\"a,b\",\"c \"\"d\"\"\",\"\"\n"),
              (std::vector<Record>{{"a,b", "c \"d\"", ""}}));
    EXPECT_EQ(records("\"\"\n"), (std::vector<Record>{{""}}));
    EXPECT_EQ(records("5\" nail,x\n"), (std::vector<Record>{{"5\" nail", "x"}}));
    EXPECT_EQ(records("\"end\""), (std::vector<Record>{{"end"}}));
}

TEST_F(CsvTest, LinesAreCountedThroughQuotedOnes) {
    std::vector<std::uint64_t> lines;
    records("a\n\n\"b\nb\nb\"\nc\n", &lines);
    EXPECT_EQ(lines, (std::vector<std::uint64_t>{1, 3, 6}));
}

TEST_F(CsvTest, AQuoteThatIsNeverClosedIsNamedWhereItOpens) {
    try {
        records("a\nb,\"c\nd\n");
        FAIL();
    } catch (const Failure& failure) {
        EXPECT_NE(std::string(failure.what()).find("file.csv:2"), std::string::npos)
            << failure.what();
        EXPECT_EQ(failure.status(), ExitStatus::refused);
    }
}

TEST_F(CsvTest, BuffersEndAnywhere) {
    std::string text;
    std::vector<Record> expected;
    for (int i = 0; i < 30'000; ++i) {
        text += "\"x\"\"" + std::to_string(i) + "\",y\r\n";
        expected.push_back({"x\"" + std::to_string(i), "y"});
    }
    EXPECT_EQ(records(text), expected);
}

TEST_F(CsvTest, FieldsComeBackAsTheyWere) {
    const Record fields = {"", "plain", "a,b", "say \"hi\"", "two\nlines", " spaced "};
    std::string line;
    for (const std::string& field : fields) {
        line += (&field == &fields.front() ? "x," : ",") + csv_field(field);
    }
    Record expected = fields;
    expected.insert(expected.begin(), "x");
    expected.erase(expected.begin() + 1);
    expected.insert(expected.begin() + 1, "");
    EXPECT_EQ(records(line + "\n"), (std::vector<Record>{expected}));
}

}  // namespace
}  // namespace holdfast::cli

// Where a text stops being JSON: whoever reports the fault counts lines up to there.
#include "http/json.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

std::size_t understood(const std::string& text) {
    JsonTree tree;
    EXPECT_TRUE(tree.parse(text).has_value()) << text;
    return tree.understood();
}

TEST(JsonTree, UnderstandsAllOfATextThatIsJson) {
    JsonTree tree;
    for (const std::string text : {"7", "{\"a\": [1, 2.5e3, null]}\n", "\"\\u00e4\""}) {
        EXPECT_EQ(tree.parse(text), std::nullopt) << text;
        EXPECT_EQ(tree.understood(), text.size()) << text;
    }
}

TEST(JsonTree, UnderstandsATextUpToItsFault) {
    EXPECT_EQ(understood("[1, 2,\n x]"), 8);
    EXPECT_EQ(understood("{\"a\": 1,\n \"a: 2\n}"), 15);
    EXPECT_EQ(understood("{}\n{}"), 3);
    EXPECT_EQ(understood("[tru\ne]"), 1);  // a word is understood whole or not at all
    // The end comes too early: all there is was understood.
    EXPECT_EQ(understood("{\"a\":\n"), 6);
    EXPECT_EQ(understood(""), 0);
}

TEST(JsonTree, StopsAtTheLimitsToo) {
    const std::string number(JsonTree::number_bytes_max, '1');
    const std::string deep(JsonTree::depth_max, '[');
    JsonTree tree;
    EXPECT_EQ(tree.parse("[\n" + number + "]"), std::nullopt);
    EXPECT_GE(understood("[\n" + number + "1\n]\n"), 2);
    EXPECT_LE(understood("[\n" + number + "1\n]\n"), 3 + number.size());
    EXPECT_EQ(understood(deep + "\n[\n"), deep.size() + 1);
}

TEST(JsonTree, ForgetsTheTextBefore) {
    JsonTree tree;
    EXPECT_TRUE(tree.parse("[1, 2, ]").has_value());
    EXPECT_EQ(tree.understood(), 7);
    EXPECT_EQ(tree.parse("[]"), std::nullopt);
    EXPECT_EQ(tree.understood(), 2);
}

}  // namespace
}  // namespace holdfast::http

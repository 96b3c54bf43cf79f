// What comes in and goes out as CSV.
#include "tests/cli/program.h"

namespace holdfast::cli {
namespace {

class ImportTest : public ShopTest {
protected:
    // Imports a file that is refused; the message names each of these, and nothing was changed.
    void expect_refused(const std::string& option, const std::string& text,
                        const std::vector<std::string>& named) {
        write_file(directory() / "bad.csv", text);
        const std::string before = expect(0, "holdfast export events " + at());
        const std::string message = expect(1, "holdfast import " + option + " bad.csv " + at());
        EXPECT_NE(message.find("nothing was imported"), std::string::npos) << message;
        for (const std::string& part : named) {
            EXPECT_NE(message.find(part), std::string::npos) << part << " in\n" << message;
        }
        EXPECT_EQ(expect(0, "holdfast export events " + at()), before);
    }
};

TEST_F(ImportTest, EveryFaultIsNamedWithItsLine) {
    expect_refused("--skus",
                   "sku,hold_ttl,late_confirm\nmug,600,retake\n,60,\nno sku,60,\n"
                   "a,0,\nb,60,maybe\nmug,,\nc\n",
                   {"bad.csv:3: \"\" is no sku", "bad.csv:4: \"no sku\" is no sku",
                    "bad.csv:5: \"0\" is no hold_ttl", "bad.csv:6: \"maybe\" is no late_confirm",
                    "one of retake, refuse", "bad.csv:7: the SKU mug is there twice",
                    "bad.csv:8: it has 1 fields, the first line has 3"});
    expect_refused("--skus", "sku,hold_tll\nmug,1\n",
                   {"bad.csv:1: there is no column \"hold_tll\""});
    expect_refused("--skus", "hold_ttl\n1\n", {"bad.csv:1: the column sku is missing"});
    expect_refused("--skus", "sku,hold_ttl,max_ttl\nmug,700,600\n",
                   {"bad.csv:2: the times must grow"});
    write_file(directory() / "empty.csv", "");
    EXPECT_NE(expect(1, "holdfast import --skus empty.csv " + at()).find("empty.csv:1"),
              std::string::npos);
    expect_refused("--stock", "sku,quantity\nmug,1\nmug,0\nmug,1.5\nmug,-1\nmug,1000000000001\n",
                   {"bad.csv:3: \"0\" is no quantity", "bad.csv:4: \"1.5\"", "bad.csv:5: \"-1\"",
                    "bad.csv:6: \"1000000000001\""});
    expect_refused("--stock", "sku,quantity\nmug,1\ncup,1\n",
                   {"bad.csv:3: the SKU cup is not known"});
    expect_refused("--stock", "sku,location,quantity\nmug,rome,1\n",
                   {"bad.csv:2: the location rome is not known"});
    expect_refused("--stock", "sku,on_hand\nmug,1\nmug,2\n",
                   {"bad.csv:3: the SKU mug is counted twice"});
    expect_refused("--stock", "sku\nmug\n", {"bad.csv:1: it must have one of the columns"});
    expect_refused("--stock", "sku,quantity,on_hand\nmug,1,1\n", {"one of the columns"});
    expect_refused("--locations", "location,priority\nmain,1\nx,9999999\nmain,2\n",
                   {"bad.csv:3: \"9999999\" is no priority", "bad.csv:4: the location main"});
}

TEST_F(ImportTest, AFaultInOneFileStopsTheOthers) {
    write_file(directory() / "good.csv", "sku\ncup\n");
    expect_refused("--skus good.csv --stock", "sku,quantity\ncup,x\n", {"bad.csv:2"});
    expect(1, "holdfast stock show --data shop cup");
}

TEST_F(ImportTest, ManyFaultsAreCounted) {
    std::string text = "sku,quantity\n";
    for (int i = 0; i < 100; ++i) {
        text += "mug,x\n";
    }
    expect_refused("--stock", text, {"bad.csv:2:", "and 80 more"});
}

TEST_F(ImportTest, GoodsInAreAddedOnceHoweverOftenTheFileComes) {
    for (int run = 0; run < 2; ++run) {
        expect(0, "holdfast import --data shop --stock stock.csv");
        // The fixture has imported the same file, too.
        EXPECT_EQ(expect_json(0, "holdfast stock show --data shop mug --json")
                      .at_pointer("/0/total/on_hand"),
                  100);
    }
    serve();
    // Another way in words the same commands otherwise: it is refused rather than done twice.
    EXPECT_NE(expect(1, "holdfast import --stock stock.csv " + at()).find("idempotency_key_reused"),
              std::string::npos);
    write_file(directory() / "more.csv", "sku,quantity\nmug,5\nmug,5\n");
    expect(0, "holdfast import --stock more.csv " + at());
    EXPECT_EQ(
        expect_json(0, "holdfast stock show mug --json " + at()).at_pointer("/0/total/on_hand"),
        110);
}

TEST_F(ImportTest, ACountSetsWhatIsOnHand) {
    serve();
    write_file(directory() / "count.csv", "sku,location,on_hand\nmug,main,93\ntea,berlin,0\n");
    for (int run = 0; run < 2; ++run) {
        expect(0, "holdfast import --stock count.csv " + at());
        const auto stock = expect_json(0, "holdfast stock show mug tea --json " + at());
        EXPECT_EQ(stock.at_pointer("/0/total/available"), 93);
        EXPECT_EQ(stock.at_pointer("/1/total/available"), 50);
    }
    expect(0, "holdfast audit " + at());
}

TEST_F(ImportTest, WhatIsExportedComesBack) {
    expect(0, "holdfast hold place --data shop --cart c mug=3 -q");
    expect(0,
           "for what in locations skus stock; do holdfast export --data shop $what -o $what.out; "
           "done; holdfast import --data copy --locations locations.out --skus skus.out "
           "--stock stock.out");
    for (const char* what : {"locations", "skus"}) {
        EXPECT_EQ(expect(0, std::string("holdfast export --data copy ") + what),
                  expect(0, std::string("holdfast export --data shop ") + what));
    }
    EXPECT_EQ(
        expect_json(0, "holdfast stock show --data copy mug --json").at_pointer("/0/total/on_hand"),
        100);
}

TEST_F(ImportTest, OnlyChecking) {
    const std::string before = expect(0, "holdfast export events --data shop");
    EXPECT_NE(expect(0, "holdfast import --data shop --stock stock.csv --check")
                  .find("nothing was changed"),
              std::string::npos);
    EXPECT_EQ(expect(0, "holdfast export events --data shop"), before);
    expect(2, "holdfast import --data shop");
    expect(3, "holdfast import --data shop --stock none.csv");
    expect(3, "holdfast export stock --data shop --output no/such/directory/file");
}

}  // namespace
}  // namespace holdfast::cli

// What comes in as CSV and JSON: every rule of what is refused, and that nothing is changed then.
#include <fmt/format.h>

#include "cli/policy_fields.h"
#include "cli/records.h"
#include "tests/cli/program.h"

namespace holdfast::cli {
namespace {

class ImportTest : public ShopTest {
protected:
    // Imports a file that is refused; the message names each of these, and nothing was changed.
    void expect_refused(const std::string& option, const std::string& text,
                        const std::vector<std::string>& named,
                        const std::string& file = "bad.csv") {
        write_file(directory() / file, text);
        const std::string before = expect(0, "holdfast export events " + at());
        const std::string message =
            expect(1, "holdfast import " + option + " " + file + " " + at());
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
                   {"bad.csv:2: hold_ttl: 700 is out of range: use 1 to 600"});
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
    expect_refused("--stock", "sku\nmug\n", {"bad.csv:2: it must have one of quantity"});
    expect_refused("--stock", "sku,quantity,on_hand\nmug,1,1\n", {"and not both"});
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
    const std::string again = expect(1, "holdfast import --stock stock.csv " + at());
    EXPECT_NE(again.find("0 of 3 changes were made"), std::string::npos) << again;
    for (const int line : {2, 3, 4}) {
        EXPECT_NE(again.find(fmt::format("stock.csv:{}: idempotency_key_reused", line)),
                  std::string::npos)
            << again;
    }
    write_file(directory() / "more.csv", "sku,quantity\nmug,5\nmug,5\n");
    expect(0, "holdfast import --stock more.csv " + at());
    EXPECT_EQ(
        expect_json(0, "holdfast stock show mug --json " + at()).at_pointer("/0/total/on_hand"),
        110);
}

// The check cannot see everything: who waits for units takes them as soon as they are counted.
TEST_F(ImportTest, ARefusalInTheMiddleNamesItsRowAndMayBeRepeated) {
    write_file(directory() / "cups.csv", "sku,selling\ncup,backorder\n");
    expect(0,
           "holdfast import --data shop --skus cups.csv && "
           "holdfast hold place --data shop --cart c cup=5 -q > id");
    write_file(directory() / "more.json",
               "{\"stock\": [\n{\"sku\": \"mug\", \"quantity\": 5},\n"
               "{\"sku\": \"tea\", \"on_hand\": 40},\n"
               "{\"sku\": \"cup\", \"on_hand\": 5, \"damaged\": 5}]}");
    const std::string message = expect(1, "holdfast import --data shop --stock more.json");
    EXPECT_NE(message.find("3 of 4 changes were made; it stopped at\n"
                           "  more.json:4: insufficient_stock: 5 of SKU 'cup'"),
              std::string::npos)
        << message;
    expect(0, "holdfast hold release --data shop $(cat id)");
    expect(0, "holdfast import --data shop --stock more.json");
    const auto stock = expect_json(0, "holdfast stock show --data shop mug tea cup --json");
    EXPECT_EQ(stock.at_pointer("/0/total/on_hand"), 105);
    EXPECT_EQ(stock.at_pointer("/1/total/on_hand"), 60);
    EXPECT_EQ(stock.at_pointer("/2/total/damaged"), 5);
    expect(0, "holdfast audit --data shop");
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

TEST_F(ImportTest, ACountSetsWhatIsNotForSale) {
    const auto count = [this](const std::string& row, Quantity available, Quantity damaged) {
        write_file(directory() / "count.csv", "sku,on_hand,returned,damaged\n" + row + "\n");
        expect(0, "holdfast import --stock count.csv " + at());
        const auto stock = expect_json(0, "holdfast stock show mug --json " + at());
        EXPECT_EQ(stock.at_pointer("/0/total/available"), available) << row;
        EXPECT_EQ(stock.at_pointer("/0/total/damaged"), damaged) << row;
    };
    serve();
    count("mug,100,5,20", 75, 20);
    count("mug,90,,20", 65, 20);
    count("mug,50,0,30", 20, 30);
    count("mug,30,0,0", 30, 0);
    count("mug,0,0,0", 0, 0);
    expect(0, "holdfast audit " + at());
}

TEST_F(ImportTest, PoliciesThatContradictThemselvesAreNamedWithTheField) {
    expect_refused(
        "--skus",
        "sku,selling,backorder_limit,preorder_limit,available_on,late_confirm,waitlist,"
        "reserve_at,max_life\n"
        "a,strict,5,6,,backorder,,,\n"
        "b,preorder,,,,,,,\n"
        "c,backorder,,,,,open,,\n"
        "d,,,,,,fair,payment,\n"
        "e,,,,2026-12-24T18:00:00Z,,,,\n"
        "f,,,,,,,,60\n"
        "g,sometimes,-1,,tomorrow,,,,\n",
        {"bad.csv:2: backorder_limit: backorder_limit means nothing with selling strict",
         "bad.csv:2: preorder_limit: ", "bad.csv:2: late_confirm: ",
         "bad.csv:3: available_on (left out): a preorder needs the day",
         "bad.csv:4: waitlist: with selling backorder and no limit nobody ever waits",
         "bad.csv:5: waitlist: a fair waitlist and reserve_at payment contradict each other",
         "bad.csv:6: available_on: ",
         "bad.csv:7: max_ttl (left out): 3600 is out of range: use 1 to 60",
         "bad.csv:8: \"sometimes\" is no selling; it must be one of strict, backorder, preorder",
         "bad.csv:8: \"-1\" is no backorder_limit",
         "bad.csv:8: \"tomorrow\" is no available_on; it must be a time such as"});
}

TEST_F(ImportTest, LinesAreCountedThroughQuotedCells) {
    expect_refused("--stock",
                   "sku,quantity,reference\r\n\"mug\",1,\"two\r\nlines\"\r\n\r\nmug,x,\r\n",
                   {"bad.csv:2: reference: 'two??lines' is not acceptable text",
                    "bad.csv:5: \"x\" is no quantity"});
    expect_refused("--stock", "sku,quantity\nmug,1\n\"mug,2\nmug,3\n",
                   {"bad.csv:3: a quote is opened here and never closed"});
}

TEST_F(ImportTest, StockThatContradictsItself) {
    expect_refused("--stock",
                   "sku,quantity,on_hand,damaged\nmug,1,,\nmug,,5,\ntea,1,1,\ntea,,,\n"
                   "lamp,3,,1\nlamp,,3,x\n",
                   {"bad.csv:3: the SKU mug is counted and also comes in at main",
                    "bad.csv:4: it must have one of", "bad.csv:5: it must have one of",
                    "bad.csv:6: units that come in are for sale, not damaged",
                    "bad.csv:7: \"x\" is no damaged"});
    expect_refused("--stock", "sku,quantity\nmug,999999999900\nmug,1\n" + std::string("cup,1\n"),
                   {"bad.csv:3: with 1 more of mug there would be 1000000000001 at main",
                    "bad.csv:4: the SKU cup is not known"});
    expect(0, "holdfast hold place --data shop --cart c mug=90 -q");
    expect_refused("--stock", "sku,on_hand,damaged\nmug,91,2\n",
                   {"bad.csv:2: so many units of mug cannot be set aside at main: of 91 on hand 1 "
                    "too few would be free"});
}

TEST_F(ImportTest, FaultsOfAllFilesAndOfTheShopAreToldAtOnce) {
    write_file(directory() / "skus.csv", "sku,hold_ttl\nmug,0\ncup,\n");
    write_file(directory() / "more.json", "{\"skus\": [\n{\"sku\": \"cup\"}]}");
    expect_refused("--skus skus.csv --catalogue more.json --stock",
                   "sku,location,quantity\ncup,main,1\nvase,rome,1\n",
                   {"skus.csv:3: the SKU cup is there twice", "skus.csv:2: \"0\" is no hold_ttl",
                    "bad.csv:3: the SKU vase is not known", "bad.csv:3: the location rome"});
    // What stands in a file that cannot be read is not called unknown.
    write_file(directory() / "skus.csv", "sku,hold_tll\ncup,1\n");
    expect_refused("--skus skus.csv --stock", "sku,quantity\ncup,1\nmug,x\n",
                   {"skus.csv:1: there is no column", "bad.csv:3:"});
    EXPECT_EQ(run("holdfast import --data shop --skus skus.csv --stock bad.csv").err.find("known;"),
              std::string::npos);
    // Nobody to ask is no reason to keep quiet.
    EXPECT_NE(expect(1, "holdfast import --server http://127.0.0.1:1 --stock bad.csv")
                  .find("bad.csv:3: \"x\" is no quantity"),
              std::string::npos);
}

TEST_F(ImportTest, NoShopIsMadeForWhatIsRefusedOrOnlyChecked) {
    expect(1, "holdfast import --data none --stock stock.csv");
    expect(0,
           "holdfast import --data none --skus catalogue.csv --locations locations.csv "
           "--stock stock.csv --check");
    EXPECT_FALSE(std::filesystem::exists(directory() / "none"));
}

TEST_F(ImportTest, TooManyLocations) {
    std::string text = "location\n";
    for (int i = 0; i < 999; ++i) {
        text += "shop-" + std::to_string(i) + "\n";
    }
    expect_refused("--locations", text, {"there would be 1001 locations", "at most 1000"});
}

TEST_F(ImportTest, EveryFaultOfJsonIsNamedWithItsLine) {
    expect_refused("--catalogue", R"({"locations": [
  {"location": "main", "region": "e u"},
  {"location": "x", "priority": "1", "prio": 2},
  {"location": "x"},
  7,
  {}
 ],
 "skus": [
  {"sku": "mug",
   "policy": {
    "hold_ttl": 0,
    "split": "true",
    "late_confirm": 1,
    "selling": null,
    "max_ttl": 1.5,
    "hold": 1
   }},
  {"sku": "a\tb", "hold_ttl": 60},
  {"sku": "c", "policy": [], "sku": "d"},
  {"sku": "e", "policy": {"selling": "preorder"}}
 ],
 "stock": [
  {"sku": "mug", "quantity": 1e3}, {"sku": "mug", "quantity": 0},
  {"sku": "mug",
   "location": 5, "quantity":
     18446744073709551616}
 ]}
)",
                   {"bad.json:2: \"e u\" is no region", "bad.json:3: \"1\" is no priority",
                    "bad.json:3: there is no field \"prio\"; known are location, region, priority",
                    "bad.json:5: 7 stands in the list of locations; it must be an object",
                    "bad.json:6: \"\" is no location", "bad.json:11: \"0\" is no hold_ttl",
                    "bad.json:12: \"true\" is no split; it must be true or false, without quotes",
                    "bad.json:13: 1 is no late_confirm; it must be a string",
                    "bad.json:15: \"1.5\" is no max_ttl",
                    "bad.json:16: there is no field \"hold\"; known are selling, ",
                    "bad.json:18: \"hold_ttl\" does not belong here; put it into \"policy\"",
                    "bad.json:18: \"a?b\" is no sku", "bad.json:19: an array is no policy",
                    "bad.json:19: \"sku\" is there twice",
                    "bad.json:20: available_on (left out): a preorder needs the day",
                    "bad.json:23: \"1e3\" is no quantity", "bad.json:23: \"0\" is no quantity",
                    "bad.json:25: 5 is no location; it must be a string",
                    "bad.json:26: \"18446744073709551616\" is no quantity"},
                   "bad.json");
}

TEST_F(ImportTest, JsonThatIsNoCatalogue) {
    const auto refused = [this](const std::string& option, const std::string& text,
                                const std::string& named) {
        expect_refused(option, text, {named}, "bad.json");
    };
    refused("--catalogue", "", "bad.json:1: this is not JSON (");
    refused("--catalogue", "{\n\"skus\": [\n{\"sku\": \"mug\"},\n]}",
            "bad.json:4: this is not JSON");
    refused("--catalogue", "{\n\"skus\": [\n{\"sku\": \"mug\"}\n", "bad.json:4: this is not JSON");
    refused("--catalogue", "{}\n{}", "bad.json:2: this is not JSON");
    refused("--catalogue", "{\n\"skus\": [" + std::string(129, '1') + "]}",
            "bad.json:2: this is not JSON (a number has over 128 characters)");
    refused("--catalogue", "\n[]", "bad.json:2: an array stands here; it must be an object {");
    refused("--catalogue", "{\"skus\": [],\n \"holds\": []}", "bad.json:2: there is no \"holds\"");
    refused("--catalogue", "{\"skus\":\n {}}", "bad.json:2: an object is no list of skus");
    // Each option takes its own list.
    refused("--skus", "{\"skus\": [],\n \"stock\": []}", "bad.json:2: there is no \"stock\"");
}

TEST(JsonLines, AreThoseOfEveryValueAndName) {
    EXPECT_EQ(json_lines("1"), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(json_lines("\n{\"a\\\\\\\"\":\n[true,\n\nnull,-1e5\n,\"\"],\"]\":{}\n}\n"),
              (std::vector<std::uint32_t>{2, 2, 3, 3, 5, 5, 6, 6, 6}));
}

TEST_F(ImportTest, JsonInEveryWay) {
    serve();
    write_file(directory() / "all.json", R"({
"stock": [{"sku": "cup", "location": "rome", "quantity": 7, "reference": "PO-9"},
          {"sku": "cup", "on_hand": 9, "damaged": 2, "repair": null}],
"locations": [{"location": "rome", "region": "", "priority": -3}],
"skus": [{"sku": "cup", "policy": {"hold_ttl": 60, "split": true, "max_per_cart": 4,
          "max_per_customer": 5, "customer_window": 86400,
          "selling": "preorder", "available_on": "2026-12-24T18:00:00Z"}}, {"sku": "vase"}]})");
    expect(0, "holdfast import --catalogue all.json " + at());
    const auto stock = expect_json(0, "holdfast stock show cup --json " + at());
    EXPECT_EQ(stock.at_pointer("/0/total/on_hand"), 16);
    EXPECT_EQ(stock.at_pointer("/0/total/damaged"), 2);
    EXPECT_NE(expect(0, "holdfast export skus " + at())
                  .find("\ncup,preorder,,,2026-12-24T18:00:00.000Z,cart,tracked,60,600,3600,7200,3,"
                        "retake,0,0,0,0,4,5,86400,off,600,priority,true\n"),
              std::string::npos);
    write_file(directory() / "one.json",
               "\xEF\xBB\xBF{\"stock\": [{\"sku\":\"mug\",\"on_hand\":1}]}");
    expect(0, "gzip one.json && holdfast import --stock one.json.gz " + at());
    expect(0,
           "echo '{\"stock\": [{\"sku\": \"mug\", \"quantity\": 2}]}' | "
           "holdfast import --catalogue - " +
               at());
    EXPECT_EQ(
        expect_json(0, "holdfast stock show mug --json " + at()).at_pointer("/0/total/on_hand"), 3);
    expect(0, "holdfast audit " + at());
}

TEST_F(ImportTest, ThePageNamesEveryFieldOfAPolicy) {
    const std::string page = expect(0, "holdfast import --help");
    for (const std::string_view name : policy_field_names()) {
        EXPECT_NE(page.find(name), std::string::npos) << name;
    }
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

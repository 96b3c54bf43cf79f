// What goes out comes back as it was: export, import into an empty shop, export again.
#include "tests/cli/program.h"

namespace holdfast::cli {
namespace {

class ExportTest : public ShopTest {
protected:
    // Policies with every field off its default, units in every state, and more of them set aside than
    // the safety stock leaves free.
    ExportTest() {
        write_file(directory() / "rich.csv",
                   "sku,selling,backorder_limit,preorder_limit,available_on,reserve_at,fulfilment,"
                   "hold_ttl,checkout_ttl,max_ttl,max_life,max_extensions,late_confirm,"
                   "safety_stock,max_per_cart,max_per_customer,customer_window,waitlist,offer_ttl,"
                   "allocation,split\n"
                   "back,backorder,7,,,payment,at_confirm,61,62,3000,7000,4,backorder,5,3,2,86400,"
                   "open,90,nearest,true\n"
                   "pre,preorder,,8,2026-12-24T18:00:00.500Z,cart,tracked,61,62,3000,7000,0,"
                   "refuse,0,,,,fair,90,most_available,false\n"
                   "\"with,comma\",,,,,,,,,,,,,9,,,,,,,\n");
        write_file(directory() / "rich-stock.csv",
                   "sku,location,on_hand,returned,repair,damaged\n"
                   "mug,main,60,1,2,3\ntea,berlin,20,20,0,0\n\"with,comma\",main,3,0,0,2\n"
                   "back,berlin,9,0,0,7\nlamp,main,4,0,0,0\n");
        expect(0, "holdfast import --data shop --skus rich.csv --stock rich-stock.csv");
        write_file(directory() / "none.csv", "sku,on_hand\nlamp,0\n");
        expect(0, "holdfast import --data shop --stock none.csv");
        // What is held and sold is on hand all the same.
        expect(0, "holdfast hold place --data shop --cart c-1 --confirm mug=3 -q");
        expect(0, "holdfast hold place --data shop --cart c-2 mug=2 -q");
    }
};

TEST_F(ExportTest, CsvComesBackAsItWas) {
    expect(0,
           "for what in locations skus stock; do\n"
           "  holdfast export --data shop $what -o $what.csv\n"
           "done\n"
           "holdfast import --data copy --locations locations.csv --skus skus.csv "
           "--stock stock.csv\n"
           "for what in locations skus stock; do\n"
           "  holdfast export --data copy $what | cmp - $what.csv\n"
           "done\n"
           "holdfast audit --data copy");
    EXPECT_EQ(read_file(directory() / "stock.csv"),
              "sku,location,on_hand,returned,repair,damaged\n"
              "back,berlin,9,0,0,7\nmug,main,60,1,2,3\ntea,berlin,20,20,0,0\ntea,main,50,0,0,0\n"
              "\"with,comma\",main,3,0,0,2\n");
}

TEST_F(ExportTest, JsonComesBackAsItWas) {
    expect(0,
           "for what in locations skus stock; do\n"
           "  holdfast export --data shop $what -o $what.json\n"
           "  holdfast export --data shop $what --json | cmp - $what.json\n"
           "done\n"
           "holdfast import --data copy --locations locations.json --skus skus.json "
           "--stock stock.json\n"
           "for what in locations skus stock; do\n"
           "  holdfast export --data copy $what --json | cmp - $what.json\n"
           "done\n"
           "holdfast export --data shop catalogue > all.json\n"
           "holdfast import --data other --catalogue all.json\n"
           "holdfast export --data other catalogue | cmp - all.json\n"
           "holdfast export --data other skus > skus.csv\n"
           "holdfast export --data shop skus | cmp - skus.csv\n"
           "holdfast audit --data other");
    EXPECT_EQ(read_file(directory() / "locations.json"),
              "{\n\"locations\": [\n"
              "{\"location\":\"main\",\"region\":\"eu\",\"priority\":0},\n"
              "{\"location\":\"berlin\",\"region\":\"eu\",\"priority\":1}\n]\n}\n");
}

TEST_F(ExportTest, AServerSaysTheSame) {
    const std::string all = expect(0, "holdfast export --data shop catalogue");
    serve();
    EXPECT_EQ(expect(0, "holdfast export catalogue " + at()), all);
    server_.reset();
    expect(0, "mv shop old");
    serve();
    write_file(directory() / "all.json", all);
    expect(0, "holdfast import --catalogue all.json " + at());
    EXPECT_EQ(expect(0, "holdfast export catalogue " + at()), all);
    // A count that is true already changes nothing.
    EXPECT_NE(expect(0, "holdfast export stock -o stock.json " + at() +
                            " && holdfast import --stock stock.json " + at())
                  .find(" 0 changes made"),
              std::string::npos);
}

TEST_F(ExportTest, AnEmptyShop) {
    expect(0, "echo '{}' | holdfast import --data empty --catalogue -");
    EXPECT_EQ(expect(0, "holdfast export --data empty catalogue"),
              "{\n\"locations\": [\n{\"location\":\"main\",\"region\":\"\",\"priority\":0}\n],\n"
              "\"skus\": [],\n\"stock\": []\n}\n");
    EXPECT_EQ(expect(0, "holdfast export --data empty stock"),
              "sku,location,on_hand,returned,repair,damaged\n");
}

}  // namespace
}  // namespace holdfast::cli

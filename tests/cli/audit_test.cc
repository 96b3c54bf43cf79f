// The log as a server tells it, and an audit that finds what does not add up.
#include <boost/json/array.hpp>

#include "store/rocksdb/rocksdb_store.h"
#include "testing/store_batches.h"
#include "tests/cli/program.h"

namespace holdfast::cli {
namespace {

class AuditTest : public ShopTest {
protected:
    std::string place(const std::string& rest) {
        std::string id = expect(0, "holdfast hold place -q " + rest + " " + at());
        id.pop_back();
        return id;
    }
    void ok(const std::string& line) { expect(0, "holdfast " + line + " " + at()); }

    // Every type of event but those that need a policy of their own.
    void live() {
        const std::string id = place("--cart c-1 --customer u-1 --heartbeat 60 mug=4 tea=2");
        ok("hold amend " + id + " mug=5 tea=1@berlin");
        ok("hold heartbeat " + id);
        ok("hold extend " + id);
        ok("hold secure " + id);
        ok("hold confirm " + id + " mug=4");
        ok("hold fulfil " + id + " mug=2 --reference parcel");
        ok("hold cancel " + id);
        ok("hold return " + id + " mug=1");
        ok("hold release " + place("--cart c-2 mug=1"));
        expect(1, "holdfast hold place --cart c-3 --customer u-3 mug=1000 " + at());
        ok("stock move mug 1 --from returned --to repair --reference bench");
        ok("stock adjust mug -1 --reason broken");
        ok("stock transfer tea 3 --from main --to berlin --reference van");
    }
};

TEST_F(AuditTest, TheServerTellsTheLogAsItIs) {
    serve();
    live();
    const std::string told = expect(0, "holdfast export events " + at());
    const std::string replayed = expect(0, "holdfast replay --json " + at());
    EXPECT_EQ(server_->stop(), 0);
    server_.reset();
    EXPECT_EQ(expect(0, "holdfast export events " + at()), told);
    EXPECT_EQ(expect(0, "holdfast replay --json " + at()), replayed);
    for (const char* type :
         {"sku.defined", "location.defined", "stock.received", "stock.adjusted", "stock.moved",
          "stock.transferred", "hold.placed", "hold.refused", "hold.amended", "hold.extended",
          "hold.secured", "hold.confirmed", "hold.released", "hold.fulfilled", "hold.cancelled",
          "hold.returned"}) {
        EXPECT_NE(told.find(type), std::string::npos) << type;
    }
    ok("audit");
}

// Writes a row that no event speaks of, as a damaged or edited store would have.
void falsify(const std::filesystem::path& data, const std::string& sku, Quantity units) {
    const auto opened = store::open_rocksdb({.path = data});
    const std::string key = store::encode_pair_key(sku, "main");
    Counters counters = store::decode_counters(opened->find(0, store::RowKind::stock, key).value());
    counters.on_hand += units;
    counters.available += units;
    const Version version = opened->heads()[0].version;
    std::string value;
    store::encode(value, counters);
    holdfast::testing::BatchMaker batch(last_batch(opened->heads()) + 1,
                                        Instant(std::chrono::hours(525600)));
    batch.add(0, version, {HoldRefused{.cart = "c-9"}}).put(store::RowKind::stock, 0, key, value);
    const auto result = holdfast::testing::append_and_wait(*opened, batch.take());
    ASSERT_EQ(result.outcome, store::AppendOutcome::appended) << result.error;
}

TEST_F(AuditTest, ADifferenceIsNamedAndEndsWithOne) {
    falsify(directory() / "shop", "mug", 5);
    const std::string text = expect(1, "holdfast audit --data shop");
    EXPECT_NE(text.find("mug"), std::string::npos) << text;
    EXPECT_NE(text.find("105"), std::string::npos) << text;
    EXPECT_NE(text.find("differences"), std::string::npos) << text;
    const boost::json::value report = expect_json(1, "holdfast audit --data shop --json");
    EXPECT_EQ(report.at("clean"), false);
    EXPECT_GT(report.at("differences").as_array().size(), 0);
    // A backup of it is a faithful copy, and no better.
    expect(1, "holdfast backup --data shop monday");
    serve();
    expect(1, "holdfast audit " + at());
}

}  // namespace
}  // namespace holdfast::cli

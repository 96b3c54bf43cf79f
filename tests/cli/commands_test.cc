// Each command against a data directory and against a real server: the same lines, the same answers.
#include <boost/json/array.hpp>

#include <holdfast/types.h>
#include "tests/cli/program.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

class CommandsTest : public ShopTest, public ::testing::WithParamInterface<bool> {
protected:
    CommandsTest() {
        if (GetParam()) {
            serve();
        }
    }

    // `rest` goes on with the target.
    std::string ok(const std::string& line) { return expect(0, "holdfast " + line + " " + at()); }
    json::value ok_json(const std::string& line) {
        return expect_json(0, "holdfast " + line + " --json " + at());
    }
    std::string place(const std::string& rest) {
        std::string id = ok("hold place -q " + rest);
        EXPECT_TRUE(id.ends_with('\n'));
        id.pop_back();
        EXPECT_TRUE(parse_hold_id(id)) << id;
        return id;
    }
    json::value mugs(const std::string& counter) {
        return ok_json("stock show mug").at_pointer("/0/total/" + counter);
    }
};

TEST_P(CommandsTest, TheLifeOfAHold) {
    const std::string id = place("--cart c-1 --customer u-1 mug=4 tea=2");
    EXPECT_EQ(mugs("held"), 4);
    json::value hold = ok_json("hold show " + id);
    EXPECT_EQ(hold.at("status"), "pending");
    EXPECT_EQ(hold.at_pointer("/lines/1/sku"), "tea");
    EXPECT_EQ(ok_json("hold amend " + id + " mug=5").at_pointer("/lines/0/quantity"), 5);
    ok("hold extend " + id + " --ttl 900");
    ok("hold secure " + id);
    EXPECT_EQ(ok_json("hold confirm " + id + " mug=4").at("status"), "confirmed");
    EXPECT_EQ(mugs("committed"), 4);
    EXPECT_EQ(ok_json("hold fulfil " + id + " mug=2 --reference parcel-1").at("status"),
              "confirmed");
    ok("hold cancel " + id + " mug=1");
    EXPECT_EQ(ok_json("hold fulfil " + id).at_pointer("/lines/0/allocations/0/fulfilled"), 3);
    ok("hold return " + id + " mug=3");
    EXPECT_EQ(mugs("returned"), 3);
    EXPECT_EQ(mugs("available"), 97);
    ok("stock move mug 3 --from returned --to available");
    EXPECT_EQ(mugs("available"), 100);
    EXPECT_EQ(ok_json("hold list --cart c-1").as_array().size(), 1);
    EXPECT_EQ(ok_json("hold list --customer u-1 --status returned").as_array().size(), 1);
    EXPECT_EQ(ok_json("hold list --customer u-1 --status pending").as_array().size(), 0);
    ok("audit");
}

TEST_P(CommandsTest, HeartbeatsAndReleases) {
    const std::string id = place("--cart c-1 --heartbeat 60 mug=1");
    ok("hold heartbeat " + id);
    EXPECT_NE(ok("hold show " + id).find("unless it beats every 60 s"), std::string::npos);
    EXPECT_EQ(ok_json("hold release " + id).at("status"), "released");
    const std::string other = place("--cart c-1 mug=1");
    EXPECT_NE(
        expect(1, "holdfast hold heartbeat " + other + " " + at()).find("heartbeat_not_requested"),
        std::string::npos);
}

TEST_P(CommandsTest, PartialAndAtOnce) {
    EXPECT_EQ(ok_json("hold place --cart c-1 --partial mug=500 tea=1@berlin")
                  .at_pointer("/lines/0/quantity"),
              100);
    EXPECT_EQ(ok_json("hold place --cart c-2 --confirm tea=3 --region eu --ttl 60").at("status"),
              "confirmed");
}

TEST_P(CommandsTest, RefusalsAreNamedAndEndWithOne) {
    const std::string text = expect(1, "holdfast hold place --cart c-1 mug=500 tea=500 " + at());
    for (const char* part :
         {"insufficient_stock", "mug: wanted 500, available 100", "tea: wanted 500"}) {
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    }
    EXPECT_EQ(expect_json(1, "holdfast hold place --cart c-1 mug=500 --json " + at()).at("code"),
              "insufficient_stock");
    EXPECT_NE(expect(1, "holdfast hold place --cart c-1 cup=1 " + at()).find("unknown_sku"),
              std::string::npos);
    const std::string id = place("--cart c-1 mug=1");
    EXPECT_NE(expect(1, "holdfast hold confirm " + id + " --fence 1 " + at()).find("stale_fence"),
              std::string::npos);
    EXPECT_NE(expect(1, "holdfast hold fulfil " + id + " " + at()).find("hold_pending"),
              std::string::npos);
    EXPECT_NE(expect(1, "holdfast hold show hold_00000000000000000000000000000000 " + at())
                  .find("unknown_hold"),
              std::string::npos);
}

TEST_P(CommandsTest, TheSameKeyIsCarriedOutOnce) {
    EXPECT_EQ(place("--cart c-1 --key k-1 mug=1"), place("--cart c-1 --key k-1 mug=1"));
    EXPECT_EQ(mugs("held"), 1);
    EXPECT_NE(expect(1, "holdfast hold place --cart c-1 --key k-1 mug=2 " + at())
                  .find("idempotency_key_reused"),
              std::string::npos);
    ok("stock receive mug 5 --key k-2");
    ok("stock receive mug 5 --key k-2");
    EXPECT_EQ(mugs("on_hand"), 105);
}

TEST_P(CommandsTest, StockWork) {
    ok("stock receive tea 7 --location berlin --reference PO-8");
    ok("stock adjust tea -3 --location berlin --reason broken");
    ok("stock transfer tea 4 --from berlin --to main");
    ok("stock move tea 2 --from available --to damaged");
    const json::value stock = ok_json("stock show tea");
    EXPECT_EQ(stock.at_pointer("/0/locations/0/location"), "berlin");
    EXPECT_EQ(stock.at_pointer("/0/locations/0/available"), 20);
    EXPECT_EQ(stock.at_pointer("/0/total/on_hand"), 74);
    EXPECT_EQ(stock.at_pointer("/0/total/damaged"), 2);
    const std::string all = ok("stock show");
    EXPECT_NE(all.find("mug"), std::string::npos);
    EXPECT_NE(all.find("(all)"), std::string::npos);
}

TEST_P(CommandsTest, ReplayAgreesWithTheCounters) {
    const std::string id = place("--cart c-1 mug=4 tea=45 tea=15@berlin");
    ok("hold confirm " + id);
    ok("hold fulfil " + id + " mug=1");
    place("--cart c-2 mug=1");
    const json::value replayed = ok_json("replay");
    EXPECT_EQ(replayed.at("pending_holds"), 1);
    EXPECT_EQ(replayed.at_pointer("/types/hold.placed"), 2);
    std::size_t rows = 0;
    const json::value stock = ok_json("stock show");
    for (const json::value& answer : stock.as_array()) {
        for (const json::value& row : answer.at("locations").as_array()) {
            json::object expected = row.as_object();
            expected["sku"] = answer.at("sku");
            expected.erase("incoming");  // announced, and so no part of what was counted
            EXPECT_EQ(replayed.at("stock").as_array().at(rows++), expected);
        }
    }
    EXPECT_EQ(rows, replayed.at("stock").as_array().size());
}

TEST_P(CommandsTest, ReplayUpToAMomentOrVersion) {
    const auto before = ok_json("replay").at("version").to_number<std::int64_t>();
    place("--cart c-1 mug=4");
    EXPECT_EQ(ok_json("replay mug").at_pointer("/stock/0/held"), 4);
    EXPECT_EQ(
        ok_json("replay mug --to-version " + std::to_string(before)).at_pointer("/stock/0/held"),
        0);
    EXPECT_EQ(ok_json("replay --until 2001-01-01T00:00:00Z").at("events"), 0);
    EXPECT_NE(ok("replay").find("hold.placed"), std::string::npos);
}

TEST_P(CommandsTest, ExportsOfLivingThings) {
    const std::string id = place("--cart c-1 mug=4");
    EXPECT_NE(ok("export holds").find(id), std::string::npos);
    EXPECT_NE(ok("export events").find("\"type\":\"hold.placed\""), std::string::npos);
}

TEST_P(CommandsTest, Bench) {
    const json::value report = ok_json("bench --seconds 0.2 --clients 4 --skus 3");
    EXPECT_GT(report.at("holds").to_number<int>(), 0);
    EXPECT_EQ(report.at("refused"), 0);
    ok("audit");
}

INSTANTIATE_TEST_SUITE_P(Targets, CommandsTest, ::testing::Bool(),
                         [](const auto& it) { return it.param ? "server" : "data"; });

class UsageTest : public ShopTest {};

TEST_F(UsageTest, WordsThatMakeNoSenseEndWithTwo) {
    for (const char* line : {"holdfast",
                             "holdfast frobnicate",
                             "holdfast hold frobnicate",
                             "holdfast hold place mug=1",
                             "holdfast hold place --cart c",
                             "holdfast hold place --data shop --cart c mug",
                             "holdfast hold place --data shop --cart c mug=x",
                             "holdfast hold place --data shop --cart c =1",
                             "holdfast hold place --data shop --cart c mug=1@",
                             "holdfast hold show --data shop hold_7",
                             "holdfast hold list --data shop --status lost",
                             "holdfast stock receive --data shop mug many",
                             "holdfast stock move --data shop mug 1 --from here --to there",
                             "holdfast stock show --data shop --server http://127.0.0.1:1 mug",
                             "holdfast stock show --server ftp://example.org",
                             "holdfast replay --data shop --until noon",
                             "holdfast export --data shop everything",
                             "holdfast completion tcsh",
                             "holdfast serve --listen 8080",
                             "holdfast serve --listen 1.2.3.4:99999",
                             "holdfast serve --frobnicate"}) {
        const Ran ran = run(line);
        EXPECT_EQ(ran.status, 2) << line << "\n" << ran.err;
        EXPECT_NE(ran.err, "") << line;
        EXPECT_EQ(ran.out, "") << line;
    }
}

TEST_F(UsageTest, WhatCannotBeReachedOrOpenedEndsWithThree) {
    EXPECT_NE(expect(3, "holdfast audit --server http://127.0.0.1:1").find("holdfast serve"),
              std::string::npos);
    EXPECT_NE(expect(3, "holdfast audit --data nowhere").find("no data directory nowhere"),
              std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(directory() / "nowhere"));
    expect(3, "mkdir other && echo hello > other/file && holdfast audit --data other");
    serve();
    const std::string held = expect(3, "holdfast audit --data shop");
    EXPECT_NE(held.find("shop"), std::string::npos) << held;
    expect(3, "holdfast serve --data shop --listen 127.0.0.1:0");
    expect(3, "holdfast serve --data another --listen " + server_->url().substr(7));
}

TEST_F(UsageTest, TheServerIsNamedByTheEnvironmentToo) {
    serve();
    EXPECT_NE(
        expect(0, "HOLDFAST_SERVER=" + server_->url() + " holdfast stock show mug").find("100"),
        std::string::npos);
}

TEST_F(UsageTest, AServerEndsWellOnSigtermAndServesAgain) {
    serve();
    expect(0, "holdfast hold place --cart c mug=1 " + at());
    EXPECT_EQ(server_->stop(), 0);
    server_->start();
    EXPECT_EQ(expect_json(0, "holdfast stock show mug --json " + at()).at_pointer("/0/total/held"),
              1);
}

TEST_F(UsageTest, VersionAndHelp) {
    EXPECT_TRUE(expect(0, "holdfast --version").starts_with("holdfast "));
    EXPECT_NE(expect(0, "holdfast --help").find("COMMANDS"), std::string::npos);
}

class BackupTest : public ShopTest {};

TEST_F(BackupTest, ABackupIsRestoredAsItWas) {
    expect(0, "holdfast hold place --data shop --cart c mug=7");
    const std::string events = expect(0, "holdfast export --data shop events");
    EXPECT_NE(expect(0, "holdfast backup --data shop monday").find("its audit is clean"),
              std::string::npos);
    expect(1, "holdfast backup --data shop monday");
    expect(0, "holdfast stock receive --data shop mug 1");
    EXPECT_NE(expect(0, "holdfast restore monday --data tuesday").find("the audit is clean"),
              std::string::npos);
    EXPECT_EQ(expect(0, "holdfast export --data tuesday events"), events);
    EXPECT_NE(expect(1, "holdfast restore monday --data shop").find("has files in it"),
              std::string::npos);
    expect(3, "holdfast restore sunday --data wednesday");
    EXPECT_FALSE(std::filesystem::exists(directory() / "wednesday"));
    EXPECT_FALSE(std::filesystem::exists(directory() / "monday.rehearsal"));
}

TEST_F(BackupTest, WhatIsNotSoundIsNotRestored) {
    expect(0, "holdfast backup --data shop monday");
    expect(0,
           "cp -r shop/holdfast.store monday/; for file in monday/*.sst monday/*.log; do "
           "if [ -s \"$file\" ]; then printf 'xxxxxxxxxxxxxxxx' | dd of=\"$file\" conv=notrunc "
           "status=none; fi; done");
    const Ran ran = run("holdfast restore monday --data tuesday");
    EXPECT_NE(ran.status, 0) << ran.out;
    EXPECT_FALSE(std::filesystem::exists(directory() / "tuesday"));
    EXPECT_FALSE(std::filesystem::exists(directory() / "tuesday.restoring"));
}

}  // namespace
}  // namespace holdfast::cli

// What nodes send each other comes out as it went in, and what is cut short is refused.
#include "cluster/wire.h"

#include <gtest/gtest.h>

#include <holdfast/store_error.h>

namespace holdfast::cluster {
namespace {

const HoldId id{.high = 7, .low = 0x1234'5678};
const std::vector<LineRequest> lines{{"mug", 2, ""}, {"tea", 1, "berlin"}};

std::vector<Submission> one_of_each() {
    const Request request{
        .idempotency_key = "k", .fingerprint = 9, .deadline = Instant(std::chrono::seconds(5))};
    return {{PlaceHold{.cart = "c",
                       .customer = "u",
                       .region = "eu",
                       .lines = lines,
                       .ttl = Seconds(60),
                       .heartbeat = Seconds(5),
                       .partial = true,
                       .confirm = true},
             request},
            {PlaceHold{.cart = "d", .lines = lines}, {}},
            {AmendHold{.id = id, .fence = 3, .region = "eu", .lines = lines}, request},
            {ExtendHold{.id = id, .fence = 3, .ttl = Seconds(60)}, {}},
            {BeatHold{.id = id, .fence = 3}, {}},
            {SecureHold{.id = id}, {}},
            {ConfirmHold{.id = id, .fence = 3, .lines = lines}, {}},
            {ReleaseHold{.id = id}, {}},
            {FulfilHold{.id = id, .lines = lines, .reference = "r"}, {}},
            {CancelHold{.id = id, .lines = lines}, {}},
            {ReturnUnits{.id = id, .lines = lines}, {}}};
}

// Everything that a node can be told, by what it is told as.
TEST(Wire, CommandsComeOutAsTheyWentIn) {
    const std::vector<Submission> sent = one_of_each();
    const std::string bytes = encode(std::span<const Submission>(sent));
    const std::vector<Submission> received = decode_submissions(bytes);
    ASSERT_EQ(received.size(), sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
        EXPECT_EQ(received[i].command.index(), sent[i].command.index());
        EXPECT_EQ(received[i].request.idempotency_key, sent[i].request.idempotency_key);
        EXPECT_EQ(received[i].request.fingerprint, sent[i].request.fingerprint);
        EXPECT_EQ(received[i].request.deadline, sent[i].request.deadline);
        EXPECT_TRUE(token_of(sent[i].command));
    }
    EXPECT_EQ(encode(std::span<const Submission>(received)), bytes);
    const auto& placed = std::get<PlaceHold>(received[0].command);
    EXPECT_EQ(placed.lines, lines);
    EXPECT_EQ(placed.heartbeat, Seconds(5));
    EXPECT_TRUE(placed.partial && placed.confirm);
    EXPECT_EQ(std::get<AmendHold>(received[2].command).fence, 3U);
    EXPECT_EQ(std::get<FulfilHold>(received[8].command).reference, "r");
}

TEST(Wire, OutcomesComeOutAsTheyWentIn) {
    const HoldAnswer hold{.hold = {.id = id, .fence = 3, .cart = "c"},
                          .version = 4,
                          .server_time = Instant(std::chrono::seconds(5))};
    const Refusal refusal{.code = RefusalCode::insufficient_stock,
                          .detail = "too few",
                          .field = "/lines/0",
                          .short_lines = {{"mug", "berlin", 2, 1}},
                          .fence = 8};
    std::vector<Outcome<Answer>> sent;
    sent.push_back({.result = hold});
    sent.push_back({.result = std::unexpected(refusal)});
    sent.push_back({.result = hold, .replayed = true});
    const auto received = decode_outcomes(encode(std::span<const Outcome<Answer>>(sent)));
    ASSERT_EQ(received.size(), 3U);
    EXPECT_EQ(std::get<HoldAnswer>(*received[0].result).hold, hold.hold);
    EXPECT_FALSE(received[0].replayed);
    EXPECT_EQ(received[1].result.error(), refusal);
    EXPECT_TRUE(received[2].replayed);
    EXPECT_EQ(std::get<HoldAnswer>(*received[2].result).version, 4U);
}

TEST(Wire, WhatIsCutShortIsRefused) {
    const std::string bytes = encode(std::span<const Submission>(one_of_each()));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        EXPECT_THROW(decode_submissions(bytes.substr(0, i)), StoreError) << i;
    }
}

}  // namespace
}  // namespace holdfast::cluster

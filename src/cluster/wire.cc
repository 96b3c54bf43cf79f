#include "cluster/wire.h"

#include <array>
#include <type_traits>
#include <utility>

#include "store/bytes.h"
#include "store/codec.h"

namespace holdfast::cluster {
namespace {

using store::ByteReader;
using store::ByteWriter;

// A command's fields, told to a writer or to a reader in the same order: one function for both directions.
template <class Io, class C>
void each_field(Io& io, C& c) {
    using Plain = std::remove_const_t<C>;
    if constexpr (std::is_same_v<Plain, PlaceHold>) {
        io(c.cart), io(c.customer), io(c.region), io(c.lines), io(c.ttl), io(c.heartbeat);
        io(c.partial), io(c.confirm);
    } else {
        io(c.id), io(c.fence);
        if constexpr (requires { c.lines; }) {
            io(c.lines);
        }
        if constexpr (requires { c.region; }) {
            io(c.region);
        }
        if constexpr (requires { c.ttl; }) {
            io(c.ttl);
        }
        if constexpr (requires { c.reference; }) {
            io(c.reference);
        }
    }
}

struct Out {
    ByteWriter& out;

    void operator()(const std::string& text) { out.text(text); }
    void operator()(HoldId id) { out.id(id); }
    void operator()(bool flag) { out.byte(flag ? 1 : 0); }
    void operator()(std::uint64_t number) { out.number(number); }
    void operator()(Quantity quantity) { out.signed_number(quantity); }
    void operator()(Seconds seconds) { out.signed_number(seconds.count()); }
    void operator()(Instant at) { out.instant(at); }
    template <class T>
    void operator()(const std::optional<T>& value) {
        (*this)(value.has_value());
        if (value) {
            (*this)(*value);
        }
    }
    void operator()(const std::vector<LineRequest>& lines) {
        out.number(lines.size());
        for (const LineRequest& line : lines) {
            (*this)(line.sku), (*this)(line.quantity), (*this)(line.location);
        }
    }
    void operator()(const std::vector<ShortLine>& lines) {
        out.number(lines.size());
        for (const ShortLine& line : lines) {
            (*this)(line.sku), (*this)(line.location), (*this)(line.wanted);
            (*this)(line.available);
        }
    }
};

struct In {
    ByteReader& in;

    void operator()(std::string& text) { text = in.text(); }
    void operator()(HoldId& id) { id = in.id(); }
    void operator()(bool& flag) { flag = in.byte() != 0; }
    void operator()(std::uint64_t& number) { number = in.number(); }
    void operator()(Quantity& quantity) { quantity = in.signed_number(); }
    void operator()(Seconds& seconds) { seconds = Seconds(in.signed_number()); }
    void operator()(Instant& at) { at = in.instant(); }
    template <class T>
    void operator()(std::optional<T>& value) {
        bool has_value = false;
        (*this)(has_value);
        if (has_value) {
            (*this)(value.emplace());
        }
    }
    void operator()(std::vector<LineRequest>& lines) {
        constexpr std::size_t bytes_min = 3;
        lines.resize(in.count(bytes_min));
        for (LineRequest& line : lines) {
            (*this)(line.sku), (*this)(line.quantity), (*this)(line.location);
        }
    }
    void operator()(std::vector<ShortLine>& lines) {
        constexpr std::size_t bytes_min = 4;
        lines.resize(in.count(bytes_min));
        for (ShortLine& line : lines) {
            (*this)(line.sku), (*this)(line.location), (*this)(line.wanted);
            (*this)(line.available);
        }
    }
};

template <class Io, class R>
void each_field_of_request(Io& io, R& request) {
    io(request.idempotency_key), io(request.fingerprint), io(request.deadline);
}

// The commands that are passed on; what the wire says is the place in this list.
using Passed = std::variant<PlaceHold, AmendHold, ExtendHold, BeatHold, SecureHold, ConfirmHold,
                            ReleaseHold, FulfilHold, CancelHold, ReturnUnits>;

template <class C, class... Cs>
constexpr bool is_one_of(std::type_identity<std::variant<Cs...>>) {
    return (std::is_same_v<C, Cs> || ...);
}
template <class C>
constexpr bool is_passed = is_one_of<C>(std::type_identity<Passed>{});

template <std::size_t Index = 0>
Command read_command(ByteReader& in, std::size_t index) {
    if constexpr (Index == std::variant_size_v<Passed>) {
        in.fail("a command that is not known");
    } else {
        if (index != Index) {
            return read_command<Index + 1>(in, index);
        }
        std::variant_alternative_t<Index, Passed> command;
        In io{in};
        each_field(io, command);
        return command;
    }
}

enum class Kind : std::uint8_t { refusal, answer, replayed };

}  // namespace

std::optional<std::uint16_t> token_of(const Command& command) {
    return std::visit(
        []<class C>(const C& c) -> std::optional<std::uint16_t> {
            if constexpr (std::is_same_v<C, PlaceHold>) {
                return c.lines.empty() ? std::nullopt
                                       : std::optional(routing_token(c.lines.front().sku));
            } else if constexpr (is_passed<C>) {
                return c.id.token();
            } else {
                return std::nullopt;
            }
        },
        command);
}

std::string encode(std::span<const Submission> submissions) {
    std::string bytes;
    ByteWriter out(bytes);
    Out io{out};
    out.number(submissions.size());
    for (const Submission& submission : submissions) {
        std::visit(
            [&]<class C>(const C& c) {
                if constexpr (is_passed<C>) {
                    out.byte(static_cast<std::uint8_t>(Passed(std::in_place_type<C>).index()));
                    each_field(io, c);
                }
            },
            submission.command);
        each_field_of_request(io, submission.request);
    }
    return bytes;
}

std::vector<Submission> decode_submissions(std::string_view bytes) {
    ByteReader in(bytes, "message of a node");
    In io{in};
    std::vector<Submission> submissions;
    constexpr std::size_t bytes_min = 4;
    for (std::size_t left = in.count(bytes_min); left > 0; --left) {
        Submission& submission = submissions.emplace_back();
        submission.command = read_command(in, in.byte());
        each_field_of_request(io, submission.request);
    }
    in.expect_end();
    return submissions;
}

std::string encode(std::span<const Outcome<Answer>> outcomes) {
    std::string bytes;
    std::string answers;
    std::size_t answered = 0;
    {
        ByteWriter out(bytes);
        Out io{out};
        out.number(outcomes.size());
        for (const Outcome<Answer>& outcome : outcomes) {
            if (outcome.result) {
                out.byte(
                    static_cast<std::uint8_t>(outcome.replayed ? Kind::replayed : Kind::answer));
                store::encode(answers, store::KeyedAnswer{.answer = *outcome.result});
                ++answered;
                continue;
            }
            const Refusal& refusal = outcome.result.error();
            out.byte(static_cast<std::uint8_t>(Kind::refusal));
            out.byte(static_cast<std::uint8_t>(refusal.code));
            io(refusal.detail), io(refusal.field), io(refusal.short_lines), io(refusal.fence);
        }
        std::string row;
        store::encode_answers_header(row, {}, answered);
        out.text(row + answers);
    }
    return bytes;
}

std::vector<Outcome<Answer>> decode_outcomes(std::string_view bytes) {
    ByteReader in(bytes, "answer of a node");
    In io{in};
    std::vector<Outcome<Answer>> outcomes;
    std::vector<std::size_t> answered;
    for (std::size_t left = in.count(1); left > 0; --left) {
        const auto kind = static_cast<Kind>(in.byte());
        if (kind != Kind::refusal) {
            answered.push_back(outcomes.size());
            outcomes.push_back(
                {.result = std::unexpected(Refusal{}), .replayed = kind == Kind::replayed});
            continue;
        }
        Refusal refusal;
        refusal.code = static_cast<RefusalCode>(in.byte());
        io(refusal.detail), io(refusal.field), io(refusal.short_lines), io(refusal.fence);
        outcomes.push_back({.result = std::unexpected(std::move(refusal))});
    }
    store::KeyedAnswers answers = store::decode_answers(in.text_view());
    in.expect_end();
    if (answers.answers.size() != answered.size()) {
        in.fail("not as many answers as it says");
    }
    for (std::size_t i = 0; i < answered.size(); ++i) {
        outcomes[answered[i]].result = std::move(answers.answers[i].answer);
    }
    return outcomes;
}

}  // namespace holdfast::cluster

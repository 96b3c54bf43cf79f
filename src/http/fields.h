// Reads the fields of a JSON object into typed values and collects all that is wrong with them, each with
// its JSON pointer: a client that mends a request wants to hear of every fault at once.
// Called by command_json on the io thread. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <holdfast/commands.h>
#include "http/json.h"
#include "http/problem.h"

namespace holdfast::http {

// What a value is, for a message.
std::string seen(const JsonNode& node);

class Faults {
public:
    // Enough to mend a request by; a hostile one must not make us write more than it sent.
    static constexpr std::size_t reported_max = 100;

    // A name that does not belong there: the request was meant for another API (400).
    void shape(std::string pointer, std::string detail) {
        shape_ = true;
        add(std::move(pointer), std::move(detail));
    }
    // A value that is not acceptable (422).
    void value(std::string pointer, std::string detail) {
        add(std::move(pointer), std::move(detail));
    }

    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] Problem problem() &&;

private:
    void add(std::string pointer, std::string detail);

    std::vector<FieldError> errors_;
    std::size_t count_ = 0;
    bool shape_ = false;
};

// Where in the body something stands; made into text only when there is a fault to report.
struct Where {
    const Where* above = nullptr;
    std::string_view name;
    std::optional<std::size_t> index;

    [[nodiscard]] std::string pointer() const;
};

enum class Need : std::uint8_t { required, optional };

class Fields {
public:
    // `node` that is not an object is a fault, and every field then absent.
    Fields(const JsonTree& tree, const JsonNode& node, Where where, Faults& faults);
    Fields(const Fields&) = delete;
    Fields& operator=(const Fields&) = delete;

    // Each reads one field, or reports why not; an absent optional one leaves `to` as it is.
    void id(std::string_view name, Need need, std::string& to);
    void text(std::string_view name, Need need, std::string& to);
    void integer(std::string_view name, Need need, std::int64_t low, std::int64_t high,
                 std::int64_t& to);
    void seconds(std::string_view name, Seconds low, Seconds high, std::optional<Seconds>& to);
    void seconds(std::string_view name, Seconds low, Seconds high, Seconds& to);
    // Units, or null for none.
    void limit(std::string_view name, std::int64_t low, std::optional<Quantity>& to);
    // Seconds, or null for none.
    void limit(std::string_view name, Seconds low, Seconds high, std::optional<Seconds>& to);
    // RFC 3339, or null for none.
    void instant(std::string_view name, std::optional<Instant>& to);
    void boolean(std::string_view name, bool& to);
    void fence(std::string_view name, std::optional<Fence>& to);
    void hold_id(std::string_view name, HoldId& to);
    void entry_id(std::string_view name, EntryId& to);
    void alert_id(std::string_view name, AlertId& to);
    // The index of the word among `words`.
    std::optional<std::size_t> word(std::string_view name, Need need,
                                    std::initializer_list<std::string_view> words);
    void lines(std::string_view name, Need need, std::vector<LineRequest>& to);

    // The value of a member, marked as known; nullptr when it is absent. Reports a second one.
    const JsonNode* find(std::string_view name);
    // The same, reporting when a required one is absent or it is of another kind.
    const JsonNode* find(std::string_view name, Need need, JsonKind kind);
    // Reports every member that nobody asked for.
    void finish();
    // What is left cannot be judged: finish() says nothing of it.
    void leave_rest() { object_ = nullptr; }

    void fault(std::string_view name, std::string detail);
    [[nodiscard]] const Where& where() const { return where_; }
    [[nodiscard]] const JsonTree& tree() const { return tree_; }
    [[nodiscard]] Faults& faults() { return faults_; }

private:
    const JsonTree& tree_;
    const JsonNode* object_;
    Where where_;
    Faults& faults_;
};

}  // namespace holdfast::http

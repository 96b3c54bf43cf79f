// A shop small enough that all that can happen in it can be tried: two SKUs, two locations, three shoppers. Plays
// commands on the bare core and checks after each what must hold in every shop, from its own account of the
// holds and naive rules. Nothing here knows how the core finds units. Tests only; one thread.
#pragma once

#include <array>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/decide.h"
#include "core/state.h"
#include "testing/core_target.h"

namespace holdfast::testing {

enum class Verb : std::uint8_t {
    place,  // a cart; who has one already thinks again and gives it its other shape
    confirm,
    confirm_one,  // one mug of the cart; the rest goes back
    secure,
    release,
    release_late,  // says what the cart was like before its last change
    cancel,
    fulfil,
    send_back,
    receive_at_main,
    receive_at_berlin,
    adjust,
    time_passes
};

struct Letter {
    Verb verb = Verb::place;
    std::size_t shopper = 0;
};
std::string to_string(Letter letter);

struct Setting {
    std::string name;
    Policy mug;
    Policy tea;
    std::vector<Letter> alphabet;
    std::size_t depth = 7;  // the longest sequence of commands
    Expiry expiry = Expiry::punctual;
};

// For GoogleTest, which would print bytes.
void PrintTo(const Setting& setting, std::ostream* out);

// What a letter did: enough to do it again without deciding anything.
struct Deed {
    Instant now;
    std::vector<Event> events;
};

class World {
public:
    static constexpr std::size_t shoppers = 3;

    // `holds`: empty ones, of a world that is no longer needed. They keep memory for a thousand holds, and to make
    // that anew would take a quarter of the time.
    explicit World(const Setting& setting, core::PendingHolds holds = {});
    core::PendingHolds take_holds();

    void repeat(const Deed& deed);
    // Plays and checks. Whether anything changed.
    bool play(Letter letter);
    // All deadlines pass and all orders are cancelled: everything on hand must be for sale again. Only in a world
    // with which nothing was wrong before.
    void sweep();

    // What was found wrong first; empty when nothing was.
    [[nodiscard]] const std::string& wrong() const { return wrong_; }
    // What the last letter did.
    [[nodiscard]] Deed deed() const { return {.now = now_, .events = deed_}; }
    // Two worlds of one text go on alike: of ids and versions only the order is in it, and of times the distance
    // from now. (A hold's age is left out: none gets near its max_life.)
    [[nodiscard]] std::string text() const;

private:
    static constexpr std::size_t places = 4;  // SKU by location

    [[nodiscard]] Command command(Letter letter) const;
    [[nodiscard]] const Hold* find(HoldId id) const;
    [[nodiscard]] const Counters* row(std::size_t place) const;
    [[nodiscard]] const Policy& policy(std::string_view sku) const;

    void submit(const Command& command);
    void expire();
    void end_all();
    void serve();
    // Checks what this event may do, and folds it.
    void happen(const Event& event);
    void fold(const Event& event);
    void fold_hold(const Event& event, HoldId id);
    void count(const Event& event);

    // What must come back.
    [[nodiscard]] std::optional<RefusalCode> expected(const Command& command) const;
    [[nodiscard]] std::optional<RefusalCode> expected(const ConfirmHold& c, const Hold& hold) const;
    [[nodiscard]] std::optional<RefusalCode> expected(const SecureHold& c, const Hold& hold) const;
    [[nodiscard]] std::optional<RefusalCode> expected(const FulfilHold& c, const Hold& hold) const;
    [[nodiscard]] std::optional<RefusalCode> expected(const ReturnUnits& c, const Hold& hold) const;
    struct Cart {
        const std::vector<LineRequest>& lines;
        std::string_view customer;
        const Hold* own = nullptr;  // the hold that becomes this cart
        bool late = false;
    };
    [[nodiscard]] std::optional<RefusalCode> expected(const Cart& cart) const;
    [[nodiscard]] bool over_limit(const Cart& cart) const;
    [[nodiscard]] Quantity free(std::size_t place, const Hold* own) const;
    [[nodiscard]] Quantity promisable(std::size_t sku, const Cart& cart) const;
    [[nodiscard]] Quantity owned(std::string_view customer, std::string_view sku) const;
    // How long a line's units still count against the limit, once they are sold: 0 when no longer.
    [[nodiscard]] Seconds window_left(const Hold& hold, const HoldLine& line) const;
    [[nodiscard]] Quantity waiting(std::size_t sku) const;
    void judge(const Command& command, const core::Decision& decision);

    void check();
    void check_shipped(HoldId id);
    void check_row(std::size_t place);
    void check_sku(std::size_t sku);
    void check_holds();
    void complain(std::string what);

    const Setting& setting_;
    core::State state_;
    Instant now_{std::chrono::hours(24)};
    std::vector<Hold> holds_;                             // all that were ever placed, by id
    std::vector<Instant> taken_;                          // when each of them took its units
    std::array<std::optional<HoldId>, shoppers> last_{};  // whom a shopper's commands name
    std::array<Quantity, 2> units_{};                     // by SKU: what came in less what went out
    std::array<std::vector<HoldId>, places> queues_{};    // who has waited longest is first
    std::vector<Event> deed_;
    std::string wrong_;
};

}  // namespace holdfast::testing

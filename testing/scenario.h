// A scenario is a shop's story in plain words (tests/scenarios/, whose README.md has the grammar), one step a
// line, with what must come back after "->". The same text runs against the core, the service on any
// store, HTTP and the command line: each is a Target. Tests only; one thread. A file that cannot be read
// throws ScenarioError.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <holdfast/service.h>

namespace holdfast::testing {

class ScenarioError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct Tick {
    std::chrono::milliseconds by{0};
};
struct ShowHold {};
struct ShowStock {
    std::string sku;
    std::string location;  // empty: the sum
};
struct ShowPlace {};
struct ShowAlerts {
    std::string sku;
};
// The alert of this kind that stands for the SKU.
struct Acknowledge {
    std::string sku;
    AlertKind kind = AlertKind::low_stock;
    std::string person;
};
// The hold that was offered to who waits as `entry` gets the step's label.
struct TakeOffer {
    std::string entry;
};
using Action =
    std::variant<Command, Tick, ShowHold, ShowStock, ShowPlace, ShowAlerts, Acknowledge, TakeOffer>;

struct Step {
    int line = 0;
    std::string text;       // as written, without what is expected
    std::string expected;   // empty: anything but a refusal
    Action action;          // a hold's id in it is filled in when it is run
    std::string label;      // of the hold
    std::size_t fence = 0;  // counted from 1; 0: none is named
    std::string key;
};

struct Scenario {
    std::string file;
    std::vector<Step> steps;
    // Idempotency keys are the sequencer's: the bare core does not know them.
    [[nodiscard]] bool uses_keys() const;
};

Scenario parse_scenario(std::string file, std::string_view text);
Scenario read_scenario(const std::filesystem::path& path);

class Target {
public:
    Target() = default;
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;
    virtual ~Target() = default;

    virtual Outcome<Answer> submit(const Submission& submission) = 0;
    virtual Result<HoldAnswer> read_hold(HoldId id) = 0;
    virtual Result<StockAnswer> read_stock(const std::string& sku) = 0;
    virtual Result<EntryAnswer> read_entry(const std::string& sku, EntryId entry) = 0;
    // Those that stand for the SKU.
    virtual std::vector<Alert> alerts(const std::string& sku) = 0;
    // The hold that was offered to who waited as `entry`.
    virtual std::optional<HoldId> offer_to(EntryId entry) = 0;
    // Moves the clock and ends what is due.
    virtual void advance(std::chrono::milliseconds by) = 0;
};

// Plays steps on one target and remembers the holds and fences that it was given.
// The hold that the feed says was offered to who waited as `entry`.
std::optional<HoldId> find_offer(
    EntryId entry, const std::function<Page<RecordedEvent>(const std::string&)>& read);

std::vector<Alert> alerts_of(const Page<AlertAnswer>& page);

class Player {
public:
    explicit Player(Target& target) : target_(target) {}

    // What came back, in the scenario's words. `asked`: what the line expects, which decides how much is
    // told; "*": everything.
    std::string play(const Step& step, std::string_view asked);
    // The first stock row whose counters do not add up, or empty.
    std::string check_counters();
    // Every stock row and every hold, one a line; and the alerts of every SKU.
    std::string everything(bool with_alerts = true);

private:
    struct Waiting {
        std::string sku;
        EntryId id;
    };
    std::string play_command(const Step& step, std::string_view expected);
    std::string place(const std::string& label);
    std::string alerts(const std::string& sku);
    std::string acknowledge(const Acknowledge& step);
    [[nodiscard]] Waiting waiting(const std::string& label) const;
    Command resolve(const Step& step) const;
    void remember(const std::string& label, const Hold& hold);

    Target& target_;
    std::map<std::string, HoldId> holds_;
    std::map<std::string, std::vector<Fence>> fences_;
    std::map<std::string, Waiting> entries_;
    std::set<std::string> skus_;
};

// Nothing when all came back as expected. Otherwise file:line, the expected and the actual answer.
std::optional<std::string> run(const Scenario& scenario, Target& target);

}  // namespace holdfast::testing

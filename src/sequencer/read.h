// A read that joins a round: it looks on the sequencer's thread and is answered when what it saw is
// durable, or refused when that will never be.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include <holdfast/service.h>
#include "core/state.h"

namespace holdfast::sequencer {

// What a read may look at. Only inside the call.
class View {
public:
    View() = default;
    View(const View&) = delete;
    View& operator=(const View&) = delete;
    virtual ~View() = default;

    [[nodiscard]] virtual const core::State& state() const = 0;
    [[nodiscard]] virtual Instant now() const = 0;
    // Pending or past, as of the last decision; from the store when it is not in memory.
    [[nodiscard]] virtual std::optional<Hold> find_hold(HoldId id) const = 0;
};

class Read {
public:
    Read() = default;
    Read(const Read&) = delete;
    Read& operator=(const Read&) = delete;
    virtual ~Read() = default;

    // Whether it must see all that was durable when it was asked, also what others who share the store
    // did; the rest sees that within limits::follow_every.
    [[nodiscard]] virtual bool strong() const = 0;
    virtual void look(const View& view) = 0;
    // Once, on any thread; `failure` is set when the read was not, or must not be, carried out.
    virtual void answer(const Refusal* failure) = 0;
};

template <class T, class Look>
class ReadOf final : public Read {
public:
    ReadOf(Look look, Done<T> done, bool strong)
        : look_(std::move(look)), done_(std::move(done)), strong_(strong) {}

    [[nodiscard]] bool strong() const override { return strong_; }
    void look(const View& view) override { result_ = look_(view); }
    void answer(const Refusal* failure) override {
        if (failure != nullptr) {
            result_ = std::unexpected(*failure);
        }
        done_({.result = std::move(*result_)});
    }

private:
    Look look_;
    Done<T> done_;
    bool strong_;
    std::optional<Result<T>> result_;
};

// `look` is called with a View and returns Result<T>.
template <class T, class Look>
std::unique_ptr<Read> make_read(Look look, Done<T> done, bool strong = true) {
    return std::make_unique<ReadOf<T, Look>>(std::move(look), std::move(done), strong);
}

}  // namespace holdfast::sequencer

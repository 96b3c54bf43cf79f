// Takes a store out of service, and puts it back, while other processes serve it: over a connection of its
// own, whose transaction has the rows of all partitions locked meanwhile. What it holds back goes on when
// that connection ends, however it ends. And fills one that nobody serves. One thread. Throws StoreError.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "store/movable_store.h"
#include "store/postgres/primary.h"

namespace holdfast::store::postgres {

// While a store has a notice its fences are below zero. No writer's expectation is met by that, so an append
// need not look for it. Only who moves the store appends then.
constexpr bool is_closed(std::int64_t fence) {
    return fence < 0;
}

class Mover {
public:
    // They outlive it; `where` for messages.
    Mover(Primary& primary, const std::string& where) : primary_(primary), where_(where) {}

    void set_notice(const Notice& notice);
    // See MovableStore.
    AppendResult append_all(const std::vector<Batch>& batches);
    void hold_others();
    void retire(const Notice& notice);

private:
    // In the transaction that is open, which it ends.
    void change(Connection& connection, const Notice& notice);

    Primary& primary_;
    const std::string& where_;
    std::unique_ptr<Connection> holding_;
    std::unique_ptr<Connection> filling_;
};

}  // namespace holdfast::store::postgres

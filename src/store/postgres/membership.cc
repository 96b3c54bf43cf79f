#include "store/postgres/membership.h"

#include <utility>

#include "store/postgres/primary.h"
#include "store/postgres/schema.h"

namespace holdfast::store {
namespace {

const postgres::Statement read_store{"read_store", "SELECT store::text, partitions FROM meta"};
// The moments are the database's own, whatever the nodes' clocks say.
const postgres::Statement say_alive{
    "say_alive",
    "INSERT INTO node (number, address, seen_at) "
    "VALUES ($1::integer, $2::text, clock_timestamp()) "
    "ON CONFLICT (number) DO UPDATE SET address = excluded.address, "
    "seen_at = excluded.seen_at"};
const postgres::Statement read_alive{"read_alive",
                                     "SELECT number, address FROM node "
                                     "WHERE seen_at > clock_timestamp() - interval '3 s' "
                                     "ORDER BY number"};
const postgres::Statement forget_node{"forget_node",
                                      "DELETE FROM node WHERE number = $1::integer "
                                      "OR seen_at < clock_timestamp() - interval '1 day'"};

class PostgresMembership final : public Membership {
public:
    explicit PostgresMembership(const std::string& url)
        : address_(postgres::parse_url(url)), primary_(address_, postgres::Primary::Log::nothing) {
        postgres::Connection& to = connection();
        const postgres::Result store = to.query(read_store, {});
        postgres::Fields row = store.row(0);
        store_id_ = row.text();
        partitions_ = static_cast<std::uint32_t>(row.integer());
        number_ = postgres::install_schema(to, address_, partitions_).writer;
    }

    [[nodiscard]] std::string store_id() const override { return store_id_; }
    [[nodiscard]] std::uint32_t partition_count() const override { return partitions_; }
    [[nodiscard]] std::uint16_t number() const override { return number_; }

    std::vector<Member> announce(std::string_view address) override {
        postgres::Connection& to = connection();
        postgres::Parameters self;
        self.integer(number_).text(address);
        to.query(say_alive, self);
        const postgres::Result alive = to.query(read_alive, {});
        std::vector<Member> members;
        for (int i = 0; i < alive.rows(); ++i) {
            postgres::Fields row = alive.row(i);
            const auto number = static_cast<std::uint16_t>(row.integer());
            members.push_back({.number = number, .address = std::string(row.text())});
        }
        return members;
    }
    void leave() override {
        postgres::Parameters self;
        self.integer(number_);
        connection().query(forget_node, self);
    }

private:
    postgres::Connection& connection() {
        if (!connection_ || primary_.gone(*connection_)) {
            connection_ = primary_.connect();
        }
        return *connection_;
    }

    const postgres::Address address_;
    postgres::Primary primary_;
    std::unique_ptr<postgres::Connection> connection_;
    std::string store_id_;
    std::uint32_t partitions_ = 0;
    std::uint16_t number_ = 0;
};

}  // namespace

std::unique_ptr<Membership> join_postgres(const std::string& url) {
    return std::make_unique<PostgresMembership>(url);
}

}  // namespace holdfast::store

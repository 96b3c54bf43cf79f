#include "store/postgres/migrations.h"

namespace holdfast::store::postgres {

namespace {

// Names are compared byte by byte, as keys are everywhere else: COLLATE "C".
constexpr std::string_view tables = R"sql(
CREATE TABLE partition (
    partition integer PRIMARY KEY,
    version bigint NOT NULL DEFAULT 0,
    batch bigint NOT NULL DEFAULT 0,
    fence bigint NOT NULL DEFAULT 0,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT version_as_expected CHECK (version >= 0)
) WITH (fillfactor = 10);
COMMENT ON TABLE partition IS 'A share of the SKUs: what changes in one order. Every append moves the version of its partitions on, if nobody else has.';
COMMENT ON COLUMN partition.version IS 'Number of its last event.';
COMMENT ON COLUMN partition.batch IS 'Number of the append that brought it there.';
COMMENT ON COLUMN partition.fence IS 'Moved on when a writer lost its connection: what it had sent before can no longer arrive.';
COMMENT ON CONSTRAINT version_as_expected ON partition IS 'An append that expected another version sets -1, which ends it.';

CREATE TABLE sku (
    partition integer NOT NULL,
    sku text COLLATE "C" NOT NULL,
    selling text NOT NULL,
    reserve_at text NOT NULL,
    safety_stock bigint NOT NULL,
    low_stock bigint NOT NULL,
    reorder_point bigint NOT NULL,
    max_per_customer bigint,
    defined_at bigint NOT NULL,
    policy bytea NOT NULL,
    PRIMARY KEY (partition, sku)
);
COMMENT ON TABLE sku IS 'What is sold, and by which rules.';
COMMENT ON COLUMN sku.policy IS 'The whole policy, in Holdfast''s own format; the other columns are copies of a part of it, for people.';
COMMENT ON COLUMN sku.defined_at IS 'The version of the partition at which it was last defined.';

CREATE TABLE location (
    partition integer NOT NULL,
    location text COLLATE "C" NOT NULL,
    region text NOT NULL,
    priority integer NOT NULL,
    PRIMARY KEY (partition, location)
);
COMMENT ON TABLE location IS 'Where units are. The same rows in every partition.';

CREATE TABLE stock (
    partition integer NOT NULL,
    sku text COLLATE "C" NOT NULL,
    location text COLLATE "C" NOT NULL,
    on_hand bigint NOT NULL,
    available bigint NOT NULL,
    held bigint NOT NULL,
    committed bigint NOT NULL,
    safety_stock bigint NOT NULL,
    returned bigint NOT NULL,
    repair bigint NOT NULL,
    damaged bigint NOT NULL,
    PRIMARY KEY (partition, sku, location),
    CONSTRAINT every_unit_accounted_for CHECK
        (on_hand = available + held + committed + safety_stock + returned + repair + damaged),
    CONSTRAINT no_counter_below_zero CHECK (on_hand >= 0 AND held >= 0 AND committed >= 0
        AND safety_stock >= 0 AND returned >= 0 AND repair >= 0 AND damaged >= 0)
) WITH (fillfactor = 70);
COMMENT ON TABLE stock IS 'The counters of one SKU at one location, in units.';
COMMENT ON COLUMN stock.on_hand IS 'Units that are there, whatever state they are in.';
COMMENT ON COLUMN stock.available IS 'What can be sold now. Below zero: more is sold than there is.';
COMMENT ON COLUMN stock.held IS 'Units in pending holds.';
COMMENT ON COLUMN stock.committed IS 'Units sold and not yet shipped.';
COMMENT ON COLUMN stock.safety_stock IS 'Units never offered.';

CREATE TABLE hold (
    partition integer NOT NULL,
    id uuid NOT NULL,
    status text NOT NULL,
    fence bigint NOT NULL,
    cart text COLLATE "C" NOT NULL,
    customer text COLLATE "C" NOT NULL,
    region text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    heartbeat bigint NOT NULL DEFAULT 0,
    beats_until timestamptz,
    extensions integer NOT NULL DEFAULT 0,
    secured boolean NOT NULL DEFAULT false,
    PRIMARY KEY (partition, id)
);
CREATE INDEX hold_pending ON hold (partition, id) WHERE status = 'pending';
CREATE INDEX hold_by_cart ON hold (partition, cart, id);
CREATE INDEX hold_by_customer ON hold (partition, customer, id) WHERE customer <> '';
COMMENT ON TABLE hold IS 'A cart''s claim on units: all that ever were. Its units are in hold_line.';
COMMENT ON COLUMN hold.status IS 'pending, confirmed, fulfilled, released, expired, cancelled, returned or lost.';
COMMENT ON COLUMN hold.id IS 'As in hold_<id without dashes> everywhere else.';
COMMENT ON COLUMN hold.fence IS 'The version of the partition at the last change of the hold.';
COMMENT ON COLUMN hold.customer IS 'Empty when the cart named none.';
COMMENT ON COLUMN hold.heartbeat IS 'Seconds within which the client must give a sign of life; 0: it need not.';

CREATE TABLE hold_line (
    partition integer NOT NULL,
    hold uuid NOT NULL,
    line integer NOT NULL,
    part integer NOT NULL DEFAULT 0,
    sku text COLLATE "C" NOT NULL,
    asked_location text COLLATE "C" NOT NULL,
    wanted bigint NOT NULL,
    quantity bigint NOT NULL,
    soft boolean NOT NULL DEFAULT false,
    limited boolean NOT NULL,
    windowed boolean NOT NULL,
    location text COLLATE "C",
    allocated bigint NOT NULL,
    fulfilled bigint NOT NULL DEFAULT 0,
    cancelled bigint NOT NULL DEFAULT 0,
    returned bigint NOT NULL DEFAULT 0,
    backordered bigint NOT NULL DEFAULT 0,
    place bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (partition, hold, line, part),
    CONSTRAINT units_add_up CHECK (cancelled >= 0 AND returned >= 0 AND returned <= fulfilled
        AND fulfilled + cancelled <= allocated)
);
COMMENT ON TABLE hold_line IS 'The lines of holds: one row for each location that serves a line, or one without a location while none does.';
COMMENT ON COLUMN hold_line.part IS 'Numbers the locations of one line.';
COMMENT ON COLUMN hold_line.asked_location IS 'The location that the cart named; empty when it named none.';
COMMENT ON COLUMN hold_line.wanted IS 'Units of the line that were asked for; the same in each of its parts.';
COMMENT ON COLUMN hold_line.quantity IS 'Units of the line that were granted; the same in each of its parts.';
COMMENT ON COLUMN hold_line.soft IS 'A wish: no units are taken yet.';
COMMENT ON COLUMN hold_line.limited IS 'Counts against the customer''s limit; windowed: for a while only.';
COMMENT ON COLUMN hold_line.allocated IS 'Units taken at this location.';
COMMENT ON COLUMN hold_line.backordered IS 'Further units promised here that are still to come, at this place of the queue for them.';

CREATE TABLE claim (
    partition integer NOT NULL,
    hold uuid NOT NULL,
    PRIMARY KEY (partition, hold)
);
COMMENT ON TABLE claim IS 'Holds with units of this partition whose home is another one.';

CREATE TABLE event (
    partition integer NOT NULL,
    version bigint NOT NULL,
    events integer NOT NULL,
    batch bigint NOT NULL,
    at timestamptz NOT NULL,
    types text[] NOT NULL,
    subjects text[] NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (partition, version)
);
-- To compress them would take longer than to write them.
ALTER TABLE event ALTER types SET STORAGE EXTERNAL, ALTER subjects SET STORAGE EXTERNAL,
    ALTER body SET STORAGE EXTERNAL;
COMMENT ON TABLE event IS 'What happened: the events of one append in one partition in each row. The view event_log shows them one by one.';
COMMENT ON COLUMN event.version IS 'Number of its last event.';
COMMENT ON COLUMN event.subjects IS 'The hold or the SKU that each event is about.';
COMMENT ON COLUMN event.body IS 'The events in Holdfast''s own format, from which everything else can be rebuilt.';
CREATE VIEW event_log AS
    SELECT e.partition, e.version - e.events + one.n AS version, e.at, one.type, one.subject, e.batch
    FROM event e, unnest(e.types, e.subjects) WITH ORDINALITY AS one (type, subject, n);
COMMENT ON VIEW event_log IS 'Every event with its own number.';

CREATE TABLE customer (
    partition integer NOT NULL,
    sku text COLLATE "C" NOT NULL,
    customer text COLLATE "C" NOT NULL,
    units bigint NOT NULL,
    windowed bytea,
    PRIMARY KEY (partition, sku, customer)
);
COMMENT ON TABLE customer IS 'What customers hold or own of SKUs that limit it.';
COMMENT ON COLUMN customer.units IS 'Units that count for good.';
COMMENT ON COLUMN customer.windowed IS 'Those that count for a while, hold by hold, in Holdfast''s own format.';

CREATE TABLE answers (
    partition integer NOT NULL,
    version bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (partition, version)
);
COMMENT ON TABLE answers IS 'First answers to requests with an Idempotency-Key, in Holdfast''s own format, for a day.';

CREATE TABLE backorder (
    partition integer NOT NULL,
    sku text COLLATE "C" NOT NULL,
    location text COLLATE "C" NOT NULL,
    place bigint NOT NULL,
    hold uuid NOT NULL,
    quantity bigint NOT NULL,
    PRIMARY KEY (partition, sku, location, place)
);
COMMENT ON TABLE backorder IS 'Orders that wait for stock, in the order of their places.';

CREATE TABLE waitlist (
    partition integer NOT NULL,
    sku text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    location text NOT NULL,
    customer text NOT NULL,
    cart text NOT NULL,
    quantity bigint NOT NULL,
    region text NOT NULL,
    PRIMARY KEY (partition, sku, id)
);
COMMENT ON TABLE waitlist IS 'Shoppers in line for a SKU, in the order of their ids; without a location: for any.';

CREATE TABLE incoming (
    partition integer NOT NULL,
    sku text COLLATE "C" NOT NULL,
    location text COLLATE "C" NOT NULL,
    reference text COLLATE "C" NOT NULL,
    quantity bigint NOT NULL,
    expected_at timestamptz NOT NULL,
    PRIMARY KEY (partition, sku, location, reference)
);
COMMENT ON TABLE incoming IS 'Goods that are announced.';

CREATE TABLE alert (
    partition integer NOT NULL,
    version bigint NOT NULL,
    token integer NOT NULL,
    kind text NOT NULL,
    sku text NOT NULL,
    raised_at timestamptz NOT NULL,
    acknowledged_by text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (partition, version, token)
);
COMMENT ON TABLE alert IS 'What somebody should look at.';
COMMENT ON COLUMN alert.body IS 'The whole alert, in Holdfast''s own format; the other columns are copies of a part of it, for people.';

CREATE TABLE node (
    number integer PRIMARY KEY,
    address text NOT NULL,
    seen_at timestamptz NOT NULL
);
COMMENT ON TABLE node IS 'The processes that serve these tables, and where the others reach them.';
COMMENT ON COLUMN node.seen_at IS 'When it last said that it lives: it does so every second.';
)sql";

// A store can be moved to another one.
constexpr std::string_view notice = R"sql(
ALTER TABLE meta ADD COLUMN notice text NOT NULL DEFAULT '';
COMMENT ON COLUMN meta.notice IS 'Why nobody may serve this store; empty: it may be served. Set by holdfast migrate.';
COMMENT ON COLUMN partition.fence IS 'Moved on when a writer lost its connection: what it had sent before can no longer arrive. Below zero: nothing can be changed any more, see meta.notice.';
)sql";

// To keep a new hold in an index by name, whose keys come in no order, was a quarter of the server's time for it; and
// nodes have those that are pending in memory. Its end costs no more than before: it writes all indexes anew.
constexpr std::string_view ended_by_name = R"sql(
DROP INDEX hold_by_cart;
DROP INDEX hold_by_customer;
CREATE INDEX hold_by_cart ON hold (partition, cart, id) WHERE status <> 'pending';
CREATE INDEX hold_by_customer ON hold (partition, customer, id) WHERE status <> 'pending' AND customer <> '';
)sql";

}  // namespace

const std::array<std::string_view, 3> migrations = {tables, notice, ended_by_name};

}  // namespace holdfast::store::postgres

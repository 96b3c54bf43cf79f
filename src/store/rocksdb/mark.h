// The file holdfast.store: what a directory says of itself beside the database, so that a store which
// lost the end of its log is noticed: the log alone cannot tell a lost end from the end.
// Read before the database is opened, written by the store while it runs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <rocksdb/file_system.h>

namespace holdfast::store {

struct Mark {
    std::string id;           // of the store, the same in its backups
    std::uint64_t epoch = 0;  // 0: the store is still being made, nothing was ever acknowledged
    std::uint64_t acknowledged = 0;  // number of an append that was answered as done

    bool operator==(const Mark&) const = default;
};

// Two lines of text, each with a checksum, written in turns: whatever becomes of one write, the other
// line is whole. Not thread-safe.
class MarkFile {
public:
    static constexpr const char* file_name = "holdfast.store";
    // Says which releases understand the store: what they store, be it events or rows, and not only these
    // lines. 2: policies, events and rows that the readers of format 1 do not know.
    static constexpr unsigned format = 2;

    // `directory` holds a mark file or is to get one. The file system outlives this.
    MarkFile(rocksdb::FileSystem& files, const std::string& directory);

    [[nodiscard]] bool exists() const;
    // The newer whole line. Nothing when the file is damaged. Throws StoreError when a newer release
    // has written it, or when it cannot be read.
    [[nodiscard]] std::optional<Mark> read();
    // Makes the file, durable with its directory entry. Throws StoreError.
    void create(const Mark& mark);
    // Replaces the older line, durably; both, as long as one of them is not of this format, so that no
    // release of an older one opens the store from now on. Throws StoreError.
    void write(const Mark& mark);

private:
    void open();
    void write_line(const std::string& line);

    rocksdb::FileSystem& files_;
    std::string directory_;
    std::string path_;
    std::unique_ptr<rocksdb::FSRandomRWFile> file_;
    std::uint64_t next_line_ = 0;
    bool of_this_format_ = true;  // both lines
};

}  // namespace holdfast::store

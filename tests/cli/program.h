// Runs the real program in a directory of its own, as people do: with a shell.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include "cli/server_process.h"
#include "testing/scratch_directory.h"

namespace holdfast::cli {

struct Ran {
    int status = 0;
    std::string out;
    std::string err;
};

std::filesystem::path program_under_test();

void write_file(const std::filesystem::path& path, const std::string& text);
std::string read_file(const std::filesystem::path& path);

// A directory with a catalogue (mug, tea), stock (100 mugs, 50 teas at main; 20 teas in berlin), orders,
// and the data directory `shop` into which the former were imported.
class ShopTest : public ::testing::Test {
protected:
    ShopTest();

    // Runs a line of shell in the directory; `holdfast` is the program under test.
    Ran run(const std::string& line) const;
    // The same, expecting a status; what it printed.
    std::string expect(int status, const std::string& line) const;
    boost::json::value expect_json(int status, const std::string& line) const;

    // Serves the data directory; `holdfast ... $at` then talks to the server, before that to the data.
    void serve();
    [[nodiscard]] std::string at() const;

    [[nodiscard]] const std::filesystem::path& directory() const { return scratch_.path(); }
    std::unique_ptr<ServerProcess> server_;

private:
    holdfast::testing::ScratchDirectory scratch_;
};

}  // namespace holdfast::cli

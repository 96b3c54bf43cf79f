#include "tests/cli/program.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <boost/json/parse.hpp>
#include <sys/wait.h>

namespace holdfast::cli {

std::filesystem::path program_under_test() {
    const char* program = std::getenv("HOLDFAST_BINARY");
    return program != nullptr ? program : "build/release/holdfast";
}

void write_file(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
}

std::string read_file(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return std::move(text).str();
}

ShopTest::ShopTest() {
    const auto& home = scratch_.path();
    std::filesystem::create_directory(home / "bin");
    std::filesystem::create_symlink(std::filesystem::absolute(program_under_test()),
                                    home / "bin" / "holdfast");
    write_file(home / "locations.csv", "location,region,priority\nmain,eu,0\nberlin,eu,1\n");
    write_file(home / "catalogue.csv", "sku,hold_ttl,max_per_customer\nmug,600,\ntea,,\nlamp,,2\n");
    write_file(home / "stock.csv",
               "sku,location,quantity,reference\n"
               "mug,,100,PO-7\ntea,main,50,\ntea,berlin,20,\n");
    std::filesystem::copy_file("tests/cli/orders.csv", home / "orders.csv");
    expect(0,
           "holdfast import --data shop --locations locations.csv --skus catalogue.csv "
           "--stock stock.csv");
}

Ran ShopTest::run(const std::string& line) const {
    const auto home = directory().string();
    write_file(directory() / ".line", line + "\n");
    const std::string shell = "cd '" + home + "' && PATH=\"" + home +
                              "/bin:$PATH\" bash -e .line >.out 2>.err </dev/null";
    const int status = std::system(shell.c_str());
    return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            .out = read_file(directory() / ".out"),
            .err = read_file(directory() / ".err")};
}

std::string ShopTest::expect(int status, const std::string& line) const {
    const Ran ran = run(line);
    EXPECT_EQ(ran.status, status) << line << "\n" << ran.out << ran.err;
    // Who is told that something went wrong is told what.
    EXPECT_TRUE(status == 0 || !ran.err.empty() || !ran.out.empty()) << line;
    return ran.out + ran.err;
}

boost::json::value ShopTest::expect_json(int status, const std::string& line) const {
    const Ran ran = run(line);
    EXPECT_EQ(ran.status, status) << line << "\n" << ran.out << ran.err;
    boost::json::error_code error;
    boost::json::value value = boost::json::parse(ran.out, error);
    EXPECT_FALSE(error) << line << "\n" << ran.out;
    return value;
}

void ShopTest::serve() {
    server_ = std::make_unique<ServerProcess>(
        program_under_test(), std::vector<std::string>{"--data", directory() / "shop"},
        directory() / "server.log");
}

std::string ShopTest::at() const {
    return server_ ? "--server " + server_->url() : "--data shop";
}

}  // namespace holdfast::cli

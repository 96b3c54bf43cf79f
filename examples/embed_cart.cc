// Holds two mugs for a cart and sells them, with the store in ./shop. No server.
#include <cstdio>
#include <exception>
#include <string>

#include <holdfast/service.h>

int main() try {
    const auto service = holdfast::open({.data = "shop"});
    service->submit(holdfast::DefineSku{.sku = "mug"}).value();
    service->submit(holdfast::ReceiveStock{.sku = "mug", .quantity = 2}).value();

    const auto placed = service->submit(holdfast::PlaceHold{.cart = "c-81", .lines = {{"mug", 2}}});
    if (!placed) {
        // What a shopper can cause is a value, with every line that is short.
        std::printf("refused: %s\n", placed.error().detail.c_str());
        return 1;
    }
    // Durable since submit returned: from here on these two mugs are nobody else's.
    const auto sold = service->submit(holdfast::ConfirmHold{.id = placed->hold.id}).value();
    std::printf("%s is %s\n", to_string(sold.hold.id).c_str(),
                std::string(to_string(sold.hold.status)).c_str());
} catch (const std::exception& error) {
    // A store that cannot be opened says why, and what to do.
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}

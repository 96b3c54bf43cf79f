#include <holdfast/version.h>

#include <iostream>

int main() {
    std::cout << "holdfast " << holdfast::version_text << '\n';
}

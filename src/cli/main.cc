#include <iostream>

#include <holdfast/version.h>

int main() {
    std::cout << "holdfast " << holdfast::version_text << '\n';
}

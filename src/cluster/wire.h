// What one node asks another and what that answers, as bytes. Only between programs of the same version, which
// the greeting sees to: so there is no grammar to keep. Pure; any thread. Decoders throw CodecError.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/service.h>

namespace holdfast::cluster {

// The token of the SKU in whose partition most of the command happens. Nothing for those that are not passed on:
// any node does them, and they are few.
std::optional<std::uint16_t> token_of(const Command& command);

// Of commands that have a token.
std::string encode(std::span<const Submission> submissions);
std::vector<Submission> decode_submissions(std::string_view bytes);

std::string encode(std::span<const Outcome<Answer>> outcomes);
std::vector<Outcome<Answer>> decode_outcomes(std::string_view bytes);

}  // namespace holdfast::cluster

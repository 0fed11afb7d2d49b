// node/view/json_text.h -- names and values in JSON: a string when valid UTF-8, else {"hex": ".."}.
//
// The same convention as in the documents of node/client_protocol.h and in the lines of `kith import`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace kith {

nlohmann::ordered_json json_of(std::string_view bytes);
std::string json_text(std::string_view bytes);  // Encoded, on one line.

// The bytes a document means; nothing when it is neither a string nor {"hex": ".."}.
std::optional<std::string> bytes_of(const nlohmann::ordered_json& value);

}  // namespace kith

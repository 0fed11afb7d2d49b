#include "node/view/json_text.h"

#include <nlohmann/json.hpp>

#include "node/json_text.h"
#include "node/view/text.h"

namespace kith {

nlohmann::ordered_json json_of(std::string_view bytes) {
  if (valid_utf8(bytes)) return std::string(bytes);
  return {{"hex", hex_text(bytes)}};
}

std::string json_text(std::string_view bytes) { return json_of(bytes).dump(); }

std::optional<std::string> bytes_of(const nlohmann::ordered_json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object() || value.size() != 1) return std::nullopt;
  const auto hex = value.find("hex");
  if (hex == value.end() || !hex->is_string()) return std::nullopt;
  return from_hex(hex->get_ref<const std::string&>());
}

}  // namespace kith

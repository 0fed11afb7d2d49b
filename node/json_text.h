// node/json_text.h -- how names, values, ids and times look in documents and in sentences.
//
//     name       "text" when valid UTF-8, else {"hex": "00ff"}
//     id         "16 hex digits"
//     timestamp  {"hlc": "16 hex digits", "time": "2026-01-31T12:00:00.000Z"}
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "crdt/tag.h"
#include "crdt/timestamp.h"

namespace kith {

bool valid_utf8(std::string_view bytes);
std::string hex_text(std::string_view bytes);
std::string iso_time(std::int64_t unix_ms);  // UTC, milliseconds.

nlohmann::json name_json(std::string_view bytes);
nlohmann::json time_json(Timestamp time);
nlohmann::json commit_json(const Commit& commit);  // {"origin": id, "at": timestamp}

// For sentences: quoted; shortened to 64 bytes; in hex when not printable.
std::string shown(std::string_view name);

std::string dump(const nlohmann::json& document);

}  // namespace kith

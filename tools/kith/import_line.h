// tools/kith/import_line.h -- one line of `kith import`, read.
//
//     {"op": "set",  "key": K, "value": V}             {"op": "del",  "key": K}
//     {"op": "sadd", "key": K, "members": [M..]}       {"op": "srem", "key": K, "members": [M..]}
//     {"op": "hset", "key": K, "fields": {F: V..}}     {"op": "hdel", "key": K, "fields": [F..]}
//
// and "table" in any of them.  K, V, M are strings or {"hex": ".."}; fields may also be a list of
// {"field": F, "value": V}, as `kith hgetall --json` prints them, for names that are not UTF-8.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "node/client_protocol.h"

namespace kith::tools {

struct ImportError {
  std::string message;
};

std::variant<Request, ImportError> parse_import_line(std::string_view line, const std::string& default_table);

}  // namespace kith::tools

// node/http/api_documents.h -- the JSON of /api/v1: status, nodes, events, history.  What each field means: docs/HTTP.md
//
// Pure functions of what they are given; `now` is when it is asked for, from which all ages are counted.  A number that nobody
// knows is null, never a number that could be taken for one.
#pragma once

#include <string>
#include <vector>

#include "node/http/events.h"
#include "node/http/history.h"
#include "node/http/picture.h"

namespace kith {

std::string status_json(const Picture& picture, SteadyTime now);
std::string nodes_json(const Picture& picture, SteadyTime now);
std::string events_json(const std::vector<Event>& events, std::uint64_t last);
std::string history_json(const History::Reading& reading, std::int64_t now_wall_ms);

}  // namespace kith

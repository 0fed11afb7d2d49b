// node/http/api_compare.h -- /api/v1/diff and /api/v1/explain: what two nodes hold, and what all of them store under a key.
//
// Both ask other nodes while the request waits, kCompareTimeMs in all, so few of them run at a time; another one is told to
// come again.
#pragma once

#include "node/http/picture.h"
#include "node/http/server.h"
#include "node/window.h"

namespace kith {

inline constexpr std::int64_t kCompareTimeMs = 8000;
inline constexpr int kComparesMax = 3;
inline constexpr std::uint64_t kDiffCellsMax = 1000;

// Query: a, b (names of nodes), limit (of cells told; default 100).
HttpReply api_diff(const Picture& picture, Window& window, const HttpRequest& request);

// Query: table, key, element; key_hex and element_hex for names that are no text.
HttpReply api_explain(const Picture& picture, Window& window, const HttpRequest& request);

}  // namespace kith

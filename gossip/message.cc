#include "gossip/message.h"

#include "crdt/bytes.h"
#include "crdt/counter.h"
#include "crdt/limits.h"

namespace kith {
namespace {

constexpr std::string_view kTypeNames[] = {"join",     "welcome", "refuse",  "push",   "ack",     "summary",
                                           "agreed",   "digests", "pull",    "rows",   "fetch",   "mended",
                                           "stopping", "audit",   "buckets", "repair", "repaired",
                                           "superseded", "rebase", "rebased", "evict",  "vote",   "evicted", "probe"};
static_assert(std::variant_size_v<Body> == std::size(kTypeNames));

}  // namespace

void CellBlock::append(const CellKey& key, const Content& content) {
  ByteWriter out, inner;
  encode(content, inner);
  encode(key, out);
  out.counted(inner.view());
  bytes_.append(out.view());
}

std::optional<std::vector<Cell>> CellBlock::read() const {
  std::vector<Cell> cells;
  ByteReader in(bytes_);
  while (in.left() > 0) {
    auto key = decode_cell_key(in);
    if (!key) return std::nullopt;
    auto content = decode_content(key->kind, in.counted(kMessageBytesMax));
    if (!in.ok() || !content || !fits_its_cell(*key, *content)) return std::nullopt;
    cells.push_back({*std::move(key), *std::move(content)});
  }
  return cells;
}

std::string_view type_name(const Body& body) { return kTypeNames[body.index()]; }

std::string_view to_string(FrameError error) {
  switch (error) {
    case FrameError::kNone: return "none";
    case FrameError::kTooLarge: return "too_large";
    case FrameError::kNotKith: return "not_kith";
    case FrameError::kVersion: return "version";
    case FrameError::kChecksum: return "checksum";
    case FrameError::kMsgpack: return "msgpack";
    case FrameError::kEnvelope: return "envelope";
    case FrameError::kUnknownType: return "unknown_type";
    case FrameError::kBody: return "body";
  }
  return "unknown";
}

}  // namespace kith

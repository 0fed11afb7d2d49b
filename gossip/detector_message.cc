#include "gossip/detector_message.h"

#include "crdt/bytes.h"

namespace kith {
namespace {

void put(ByteWriter& out, const Rumour& rumour) {
  out.u8(static_cast<std::uint8_t>(rumour.kind));
  out.u64(rumour.node.value);
  out.u64(rumour.start.value);
  out.varint(rumour.incarnation);
  if (rumour.accuses()) out.u64(rumour.by.value);
}

}  // namespace

std::size_t bytes_of(const Rumour& rumour) {
  std::size_t varint = 1;
  for (std::uint64_t rest = rumour.incarnation >> 7; rest != 0; rest >>= 7) ++varint;
  return 1 + 8 + 8 + varint + (rumour.accuses() ? 8 : 0);
}

std::string encode(const std::vector<Rumour>& rumours) {
  ByteWriter out;
  for (const Rumour& rumour : rumours) put(out, rumour);
  return out.take();
}

std::optional<std::vector<Rumour>> decode_rumours(std::string_view bytes) {
  std::vector<Rumour> out;
  ByteReader in(bytes);
  while (in.left() > 0) {
    if (out.size() == kRumoursMax) return std::nullopt;
    Rumour rumour;
    const std::uint8_t kind = in.u8();
    if (kind > static_cast<std::uint8_t>(Rumour::Kind::kDead)) return std::nullopt;
    rumour.kind = static_cast<Rumour::Kind>(kind);
    rumour.node = NodeId{in.u64()};
    rumour.start = Timestamp{in.u64()};
    rumour.incarnation = in.varint();
    if (rumour.accuses()) rumour.by = NodeId{in.u64()};
    if (!in.ok() || !rumour.node || !rumour.start || rumour.incarnation > kIncarnationMax) return std::nullopt;
    if (rumour.accuses() && !rumour.by) return std::nullopt;
    out.push_back(rumour);
  }
  return out;
}

}  // namespace kith

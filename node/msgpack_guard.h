// node/msgpack_guard.h -- is a frame sound msgpack that may be unpacked?
//
// msgpack-c takes any count it is told (10 MiB of nil unpack to 240 MiB) and any depth.  This walks a frame first,
// without building anything, and says what is wrong with it:
//
//   nesting above kMsgpackDepthMax, more than kMsgpackObjectsMax objects, a count larger than the bytes of the frame,
//   a map key that is no string or comes twice, bytes that are no msgpack, too few bytes, trailing bytes.
//
// Cost: one pass; memory: a view per key of the maps that are open.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kith {

// What is wrong, for people; nothing when the frame is sound.
[[nodiscard]] std::optional<std::string> msgpack_fault(std::string_view frame);

}  // namespace kith

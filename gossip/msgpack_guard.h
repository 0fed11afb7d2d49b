// gossip/msgpack_guard.h -- decides, before any memory is taken, whether bytes may be handed to the msgpack unpacker.
//
// msgpack-c's own limits are unlimited by default (10 MiB of nil becomes 240 MiB of objects), it believes counts, takes
// trailing bytes and repeated keys.  The guard walks the bytes once with a visitor and refuses all of that.
// Tests: tests/gossip/msgpack_guard_test.cc
#pragma once

#include <string_view>

namespace kith {

// One whole msgpack value and nothing behind it; nested at most kMsgpackDepthMax deep; at most kMsgpackObjectsMax
// objects; no count that exceeds the bytes there are; no key twice in a map; keys are integers or strings; no ext.
// Allocates only for the keys of maps.
[[nodiscard]] bool msgpack_is_sound(std::string_view bytes);

}  // namespace kith

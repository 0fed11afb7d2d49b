// tests/fuzz/frame.h -- puts a frame around an envelope: magic, version, a checksum that fits (gossip/message.h).
#pragma once

#include <string>
#include <string_view>

namespace kith::fuzz {

std::string frame_of(std::string_view envelope);

}  // namespace kith::fuzz

// gossip/message_words.h -- a message in words, for traces and transcripts: type and counts, no ids.
#pragma once

#include <string>

namespace kith {

// "push 1 cell in 1 shard, the first", or why the bytes are no message.
std::string describe(const std::string& bytes);

}  // namespace kith

// node/redis/limits.h -- what one client of the Redis port may take, and all of them together.
//
// Checked before memory is taken.  Bytes unless said otherwise.  Names and values have the limits of crdt/limits.h.
// Tested at the limit, one below and one above: tests/node/redis_reader_test.cc, tests/node/redis_port_test.cc
#pragma once

#include <cstddef>
#include <cstdint>

namespace kith::redis {

// What one command may be.
inline constexpr std::int64_t kArgumentsMax = 1024 * 1024;
inline constexpr std::int64_t kBulkBytesMax = 512 * 1024 * 1024;  // More is no length at all, as in Redis.
inline constexpr std::size_t kCommandBytesMax = 64 * 1024 * 1024;
inline constexpr std::size_t kInlineBytesMax = 64 * 1024;
inline constexpr std::size_t kHeaderBytesMax = 32;  // "*1048576" and the like.

// The same before AUTH.
inline constexpr std::int64_t kStrangerArgumentsMax = 10;
inline constexpr std::size_t kStrangerArgumentBytesMax = 16 * 1024;
// All that is held for all of those who have not said the password.
inline constexpr std::size_t kStrangersBytesMax = 32 * 1024 * 1024;

// One answer; larger ones are refused, with a word on how to ask for less.
inline constexpr std::size_t kReplyBytesMax = 64 * 1024 * 1024;
// A client that does not fetch its answers is asked no more (its bytes stay in its own socket) above the first.
inline constexpr std::size_t kOutputPauseBytes = 1024 * 1024;
// All clients together, in and out: above it the one that has been waited for longest is cut off.
inline constexpr std::size_t kAllBytesMax = 256 * 1024 * 1024;

// Answers of one client that wait for a commit; above it no more of its commands are looked at.
inline constexpr std::size_t kWaitingAnswersMax = 4096;
inline constexpr std::size_t kWaitingBytesMax = 8 * 1024 * 1024;
// Commands that one client has looked at before others have their turn.
inline constexpr int kCommandsATurn = 1024;

// Between MULTI and EXEC.
inline constexpr std::size_t kQueuedCommandsMax = 64 * 1024;
inline constexpr std::size_t kQueuedBytesMax = 16 * 1024 * 1024;

// What one command may remove, or have looked at, before it is told to go in parts.
inline constexpr std::size_t kRemovedCellsMax = 1'000'000;
inline constexpr std::uint64_t kGlobStepsMax = 400'000'000;  // About a second.
inline constexpr std::uint64_t kKeysLookedAtMax = 20'000'000;

// Positions of scans that are remembered for all clients, and what they may take.
inline constexpr std::size_t kCursorsMax = 64 * 1024;
inline constexpr std::size_t kCursorBytesMax = 16 * 1024 * 1024;

// What one client may subscribe to, and how much of what it was told may wait for it to be fetched.
inline constexpr std::size_t kSubscriptionsMax = 4096;
inline constexpr std::size_t kSubscriptionBytesMax = 1024 * 1024;
inline constexpr std::size_t kChannelBytesMax = 4096 + 16;  // The longest key behind what channels begin with, which is 15 bytes.
inline constexpr std::size_t kPatternBytesMax = 1024;       // Against such a channel: 4 million steps, some ms.
inline constexpr std::size_t kToldBytesMax = 8 * 1024 * 1024;
// And of what changed, for one loop to get round to.
inline constexpr std::size_t kChangesWaitingBytesMax = 32 * 1024 * 1024;

inline constexpr std::size_t kClientNameBytesMax = 256;

}  // namespace kith::redis

// crdt/limits.h -- every limit of Kith, in one place (DESIGN.md, section 12).
//
// Each is checked before memory is taken, and each has an error that names it.  Bytes unless said otherwise.
// Tested at the limit, one below and one above: tests/BAD_INPUT.md.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kith {

inline constexpr std::size_t kTableNameBytesMax = 64;
inline constexpr std::size_t kKeyBytesMax = 4 * 1024;
inline constexpr std::size_t kMemberBytesMax = 4 * 1024;  // A set element or a hash field.
inline constexpr std::size_t kValueBytesMax = 1024 * 1024;

// A message between nodes, or between client and node, envelope included.
inline constexpr std::size_t kMessageBytesMax = 2 * 1024 * 1024;

// All cells of one client operation as they travel in one push: a push is never cut inside an operation, because
// its second half would claim a commit whose first half was lost.  Leaves 128 KiB of a message for the envelope.
inline constexpr std::size_t kOperationBytesMax = kMessageBytesMax - 128 * 1024;
inline constexpr std::size_t kOperationMembersMax = 16 * 1024;

// How long a value may be told to last: 100 years, so that every expiry fits the 48 bits of a timestamp (the year 10,889).
inline constexpr std::int64_t kTtlMsMax = std::int64_t{100} * 365 * 24 * 60 * 60 * 1000;

// How long a cluster may let its clients retry: 30 days.
inline constexpr std::int64_t kRetryWindowMsMax = std::int64_t{30} * 24 * 60 * 60 * 1000;

inline constexpr std::size_t kMembersMax = 1024;
inline constexpr std::uint32_t kShardsMax = 4096;
inline constexpr std::uint32_t kShardsDefault = 64;
inline constexpr std::uint32_t kReplicasDefault = 3;

inline constexpr std::size_t kNodeNameBytesMax = 64;
inline constexpr std::size_t kAddressBytesMax = 256;

// What a decoder accepts.  An object of msgpack-c takes 24 bytes, so 262,144 of them are 6 MiB at most.
inline constexpr std::size_t kMsgpackDepthMax = 8;
inline constexpr std::size_t kMsgpackObjectsMax = 256 * 1024;

// Entries in one cell.  A client session is an actor, so this bounds the sessions that may have touched one element.
// Above the first an operation is refused: 4,096 * 32 bytes = 128 KiB a row.  Nodes that were apart may each have come to
// it, so what is merged may be larger: up to what one message carries, 61,440 entries, 15 such nodes.
inline constexpr std::size_t kEntriesPerCellMax = 4 * 1024;
inline constexpr std::size_t kEntriesPerCellMergedMax = kOperationBytesMax / 32;

}  // namespace kith

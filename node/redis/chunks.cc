#include "node/redis/chunks.h"

#include "crdt/limits.h"

namespace kith::redis {

namespace {

// What an element may take beside its name, in a push; rows that many sessions wrote take more, and may be refused.
constexpr std::size_t kMemberOverhead = 96;
constexpr std::size_t kChunkBytesMax = kOperationBytesMax / 2;
constexpr std::size_t kChunkMembersMax = kOperationMembersMax / 2;

}  // namespace

Request& Chunks::room_for(std::size_t bytes) {
  if (members_ == 0 || members_ == kChunkMembersMax || bytes_ + bytes > kChunkBytesMax) {
    Request& request = call_.write(op_, key_);
    request.ttl_ms = ttl_ms_;
    index_ = call_.writes.size() - 1;
    members_ = bytes_ = 0;
  }
  ++members_;
  bytes_ += bytes;
  return call_.writes[index_];
}

void Chunks::add(std::string_view member) { room_for(key_.size() + member.size() + kMemberOverhead).members.emplace_back(member); }

void Chunks::add(std::string_view field, std::string_view value) {
  room_for(key_.size() + field.size() + value.size() + kMemberOverhead).fields.emplace_back(field, value);
}

}  // namespace kith::redis

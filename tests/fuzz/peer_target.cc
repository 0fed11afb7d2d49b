#include <xxhash.h>

#include "crdt/bytes.h"
#include "crdt/check.h"
#include "gossip/message.h"
#include "gossip/message_words.h"
#include "tests/fuzz/frame.h"
#include "tests/fuzz/targets.h"

namespace kith::fuzz {

std::string frame_of(std::string_view envelope) {
  ByteWriter out;
  out.bytes("KITH");
  out.u8(kPeerProtocolVersion);
  out.u64(XXH3_64bits(envelope.data(), envelope.size()));
  out.bytes(envelope);
  return out.take();
}

void run_peer(std::string_view bytes) {
  const std::string frame = frame_of(bytes);
  Envelope envelope;
  const FrameError error = decode(frame, envelope);
  const auto sender = peek_sender(frame);
  if (error != FrameError::kNone) return;
  KITH_CHECK(sender && *sender == envelope.sender, "a frame that decodes has the sender that was peeked at");
  (void)envelope.members.read();
  (void)describe(frame);
  // What was understood can be said again, and is then said the same for ever.
  const std::string again = encode(envelope);
  Envelope second;
  const FrameError second_error = decode(again, second);
  KITH_CHECK(second_error == FrameError::kNone, "what was decoded and encoded does not decode", to_string(second_error));
  KITH_CHECK(encode(second) == again, "what was decoded and encoded twice differs from once");
}

}  // namespace kith::fuzz

// tests/fuzz/targets.h -- what is fuzzed: each target is given any bytes, and nothing may come of them but an answer or an error.
//
//     libFuzzer (preset fuzz, scripts/fuzz.sh)  --+--> one target, new bytes all the time
//     fuzz_test (every build, ctest)            --+--> all targets, the files of tests/fuzz/corpus/TARGET
//
// A target ends the process when one of its laws is broken (KITH_CHECK), so that both notice; sanitizers see the rest.
// Equal bytes do equal things: each run begins anew, with fixed clocks and seeds.
// A finding: mend it, put its file into the corpus, and write the test that failed before.
#pragma once

#include <string_view>
#include <vector>

namespace kith::fuzz {

struct Target {
  const char* name;
  void (*run)(std::string_view bytes);
};

const std::vector<Target>& targets();
const Target* find_target(std::string_view name);

// tests/fuzz/redis_target.cc: a client's bytes, read by the Redis port and carried out by a node without a socket.
//     input := pieces:u8 bytes     the bytes come whole, and again in pieces of that size: the answers are the same
void run_redis(std::string_view bytes);

// tests/fuzz/peer_target.cc: one message of a peer.
//     input := the envelope, msgpack; the target puts the frame around it (gossip/message.h)
void run_peer(std::string_view bytes);

// tests/fuzz/engine_target.cc: what a member may say, to an engine that knows it.
//     input := (flags:u8 size:u16 envelope)*
//     flags: 1 the header is made that of a member, 2 and its nonce that of the last question; the others: so many times 50 ms pass
void run_engine(std::string_view bytes);

// tests/fuzz/client_target.cc: one request, or one reply, of the client protocol; a request that reads is answered.
//     input := which:u8 frame     which: even a request, odd a reply
void run_client(std::string_view bytes);

// tests/fuzz/rows_target.cc: contents of cells, rows as they are stored, cells as they are sent; and what is said of them.
//     input := which:u8 bytes     which modulo 3: 0 a row, 1 contents, 2 cells
void run_rows(std::string_view bytes);

// tests/fuzz/config_target.cc: flags and variables, one a line, an empty line, and the file.
void run_config(std::string_view bytes);

}  // namespace kith::fuzz

// libFuzzer's side: one program a target, which the build names in KITH_FUZZ_TARGET.
#include <cstddef>
#include <cstdint>

#include "crdt/check.h"
#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const kith::fuzz::Target* const kTarget = kith::fuzz::find_target(KITH_FUZZ_TARGET);
  KITH_CHECK(kTarget != nullptr, "no such fuzz target", KITH_FUZZ_TARGET);
  kTarget->run({reinterpret_cast<const char*>(data), size});
  return 0;
}

// tools/demo/story.h -- the text of demo/story.kith, built in (tools/CMakeLists.txt): `kith demo --script story`.
#pragma once

namespace kith::tools {

extern const char* const kStory;

}  // namespace kith::tools

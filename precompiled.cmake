# The standard headers that many sources include, precompiled: once for everything that ships, once for the tests, which are
# not optimized as much.  About 100 MB each, so there are no more of them.  No header of ours and none of a library: those
# change, or few sources include them, and everybody would load what is in here.  A source still includes what it uses.
set(headers
  <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <cstdint> <deque> <filesystem> <fstream>
  <functional> <iostream> <map> <memory> <mutex> <optional> <random> <set> <sstream> <string> <string_view> <thread>
  <tuple> <unordered_map> <unordered_set> <utility> <variant> <vector>
)
target_precompile_headers(crdt PRIVATE ${headers})
target_precompile_headers(test_main PRIVATE ${headers})

# A target that is compiled with other options than these two cannot take theirs: g++ says so, and stops.
function(kith_precompile directory)
  get_property(targets DIRECTORY ${directory} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target ${targets})
    get_target_property(type ${target} TYPE)
    if(target STREQUAL "crdt" OR target STREQUAL "test_main" OR NOT type MATCHES "^(STATIC_LIBRARY|OBJECT_LIBRARY|EXECUTABLE)$")
      continue()
    endif()
    get_target_property(libraries ${target} LINK_LIBRARIES)
    if("test_main" IN_LIST libraries)
      target_precompile_headers(${target} REUSE_FROM test_main)
    else()
      target_precompile_headers(${target} REUSE_FROM crdt)
    endif()
  endforeach()
  get_property(folders DIRECTORY ${directory} PROPERTY SUBDIRECTORIES)
  foreach(folder ${folders})
    kith_precompile(${folder})
  endforeach()
endfunction()
kith_precompile(${CMAKE_SOURCE_DIR})

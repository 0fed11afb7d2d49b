#include <doctest/doctest.h>
#include "crdt/set_element.h"
TEST_CASE("set element: an add retried after its removal changes nothing") {
  using namespace kith;
  SetElement likes;
  const Tag first{Timestamp{10}, ActorId{1}};
  CHECK_FALSE(likes.add(first, {Timestamp{10}, OriginId{9}}).empty());
  CHECK_FALSE(likes.remove({Timestamp{20}, ActorId{2}}, {Timestamp{20}, OriginId{8}}).empty());
  CHECK(likes.add(first, {Timestamp{30}, OriginId{7}}).empty());
  CHECK_FALSE(likes.present());
}

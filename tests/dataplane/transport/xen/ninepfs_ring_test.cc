// The ring of Xen's 9pfs, over memory of this process: whole messages both ways, and a guest that breaks it.
#include "dataplane/transport/xen/ninepfs_ring.h"

#include <array>
#include <cstring>
#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace vs {
namespace {

constexpr std::uint32_t kSize = 4096;  // of each direction

std::vector<std::byte> message(std::uint32_t bytes, unsigned char fill) {
  std::vector<std::byte> made(bytes, static_cast<std::byte>(fill));
  std::memcpy(made.data(), &bytes, sizeof bytes);
  return made;
}

// The guest's side, which writes and reads as Linux does.
class NinePfsRingTest : public testing::Test {
 protected:
  NinePfsRingTest() : data_(std::make_unique<std::array<std::byte, 2 * kSize>>()) {}

  void ask(std::span<const std::byte> bytes) {
    for (const std::byte one : bytes) (*data_)[kSize + (page_.out_prod++ & (kSize - 1))] = one;
  }
  std::vector<std::byte> hear() {
    std::vector<std::byte> heard;
    while (page_.in_cons != page_.in_prod) heard.push_back((*data_)[page_.in_cons++ & (kSize - 1)]);
    return heard;
  }
  std::vector<std::byte> take(NinePfsRing& ring) {
    const auto taken = ring.take(kSize);
    EXPECT_TRUE(taken.has_value()) << taken.error().message;
    return taken && *taken ? std::vector<std::byte>((*taken)->begin(), (*taken)->end()) : std::vector<std::byte>();
  }

  NinePfsPage page_{};
  std::unique_ptr<std::array<std::byte, 2 * kSize>> data_;
};

TEST_F(NinePfsRingTest, GivesMessagesWholeAcrossItsEndManyTimes) {
  page_.out_cons = page_.out_prod = page_.in_cons = page_.in_prod = 0xffff'f000;  // indices wrap, too
  NinePfsRing ring(&page_, *data_);
  for (unsigned i = 0; i < 200; ++i) {
    const auto asked = message(7 + (i * 37) % 1500, static_cast<unsigned char>(i));
    const auto half = std::span(asked).first(asked.size() / 2);
    ask(half);
    EXPECT_TRUE(take(ring).empty()) << "half of it is there";
    ask(std::span(asked).subspan(half.size()));
    EXPECT_EQ(take(ring), asked);
    EXPECT_TRUE(take(ring).empty());
    ring.publish_taken();
    EXPECT_EQ(page_.out_cons, page_.out_prod);
    ring.put(asked);
    ASSERT_TRUE(ring.flush());
    EXPECT_EQ(hear(), asked);
  }
}

TEST_F(NinePfsRingTest, KeepsAnswersUntilThereIsRoomAndShowsThemWhole) {
  NinePfsRing ring(&page_, *data_);
  for (unsigned char i = 1; i <= 4; ++i) ring.put(message(1500, i));
  ASSERT_TRUE(ring.flush());
  EXPECT_EQ(page_.in_prod, 3000u);
  EXPECT_EQ(ring.kept(), 3000u);
  EXPECT_EQ(hear().size(), 3000u);
  ASSERT_TRUE(ring.flush());
  EXPECT_EQ(ring.kept(), 0u);
  EXPECT_EQ(hear().at(4), std::byte{3});
}

TEST_F(NinePfsRingTest, IsBrokenByWhatNoGuestMayWrite) {
  const auto breaks = [&](auto change, std::size_t limit = kSize) {
    page_ = {};
    NinePfsRing ring(&page_, *data_);
    change();
    return !ring.take(limit).has_value();
  };
  EXPECT_TRUE(breaks([&] { page_.out_prod = kSize + 1; })) << "more than it holds";
  EXPECT_TRUE(breaks([&] { page_.out_prod = 0xffff'ffff; }));
  for (const std::uint32_t size : {0u, 6u, kSize + 1, 0xffff'ffffu}) {
    EXPECT_TRUE(breaks([&] {
      std::memcpy(data_->data() + kSize, &size, sizeof size);
      page_.out_prod = 16;
    })) << size;
  }
  EXPECT_TRUE(breaks([&] { ask(message(100, 1)); }, 99)) << "larger than agreed";
  NinePfsRing ring(&page_, *data_);
  page_.in_cons = page_.in_prod + 1;
  ring.put(message(100, 1));
  EXPECT_FALSE(ring.flush()) << "read what was never written";
}

TEST_F(NinePfsRingTest, HasItsOwnIndicesInPrivate) {
  NinePfsRing ring(&page_, *data_);
  ask(message(100, 1));
  EXPECT_EQ(take(ring).size(), 100u);
  page_.out_cons = 4711;  // the guest writes ours
  page_.in_prod = 4711;
  ask(message(50, 2));
  EXPECT_EQ(take(ring).size(), 50u);
  ring.publish_taken();
  EXPECT_EQ(page_.out_cons, 150u);
  ring.put(message(20, 3));
  ASSERT_TRUE(ring.flush());
  EXPECT_EQ(page_.in_prod, 20u);
}

}  // namespace
}  // namespace vs

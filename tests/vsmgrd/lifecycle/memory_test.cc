#include "vsmgrd/lifecycle/memory.h"

#include <malloc.h>

#include <fstream>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace vs {
namespace {

std::size_t resident_pages() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident;
}

TEST(MemoryKeeper, GivesBackWhatIsFreeBetweenWhatIsInUse) {
  MemoryKeeper keeper(std::chrono::hours{1});
  keeper.look();
  std::vector<std::unique_ptr<char[]>> blocks;
  for (int i = 0; i < 64 * 1024; ++i) blocks.push_back(std::make_unique<char[]>(1024));
  const std::size_t full = resident_pages();
  for (std::size_t i = 0; i < blocks.size(); ++i)
    if (i % 1024 != 0) blocks[i].reset();
  const bool kept_by_the_allocator = mallinfo2().fordblks > (32u << 20);  // not so of a sanitizer's
  EXPECT_EQ(keeper.look(), kept_by_the_allocator);
  if (kept_by_the_allocator) EXPECT_LT(resident_pages() * 4096, full * 4096 - (32u << 20));
  EXPECT_FALSE(keeper.look()) << "there is no more to give";
}

TEST(MemoryKeeper, EndsAtOnce) { MemoryKeeper keeper(std::chrono::hours{1}); }

}  // namespace
}  // namespace vs

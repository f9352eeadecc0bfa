#include "dataplane/transport/local/local_answers.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace vs {
namespace {

inline constexpr int kAnswersSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;

}  // namespace

Result<std::unique_ptr<LocalAnswers>> LocalAnswers::create(std::uint32_t slots) {
  const vs_answers_header header = make_answers_header(slots);
  UniqueFd memory(::memfd_create("vservice-answers", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) return fail_errno(errno, "memfd_create");
  if (::ftruncate(memory.get(), static_cast<off_t>(header.bytes)) != 0) return fail_errno(errno, "size table of answers");
  void* mapped = ::mmap(nullptr, header.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (mapped == MAP_FAILED) return fail_errno(errno, "map table of answers");
  std::memcpy(mapped, &header, sizeof header);
  std::unique_ptr<LocalAnswers> table(
      new LocalAnswers(std::move(memory), {static_cast<std::byte*>(mapped), header.bytes}, header));
  // After our own mapping, which stays writable, and before anyone else has the memory.
  if (::fcntl(table->memory(), F_ADD_SEALS, kAnswersSeals) != 0) return fail_errno(errno, "seal table of answers");
  return table;
}

LocalAnswers::~LocalAnswers() { ::munmap(bytes_.data(), bytes_.size()); }

}  // namespace vs

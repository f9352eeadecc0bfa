#include "tests/dataplane/guest/nss/fake_client.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

struct vs_device {
  int fd = -1;
  ino_t inode = 0;
  pid_t opener = 0;
  int number = 0;
  int epoch = 0;
  std::atomic<bool> in_use{false};
};

namespace vs::test {
namespace {

// What vs_dns_free gets back: the set first, so that its address is the whole's.
struct OwnedAnswer {
  vs_dns_result_set set;
  std::unique_ptr<Answer> answer;
};

}  // namespace

FakeClient& FakeClient::get() {
  static FakeClient fake;
  return fake;
}

void FakeClient::reset() {
  ++epoch_;
  on_open([](int) { return 0; });
  fail(-EIO);
  for (std::atomic<int>* count :
       {&opens_, &closes_, &forgets_, &calls_, &answers_alive_, &violations_})
    *count = 0;
}

void FakeClient::on_open(OpenScript script) {
  std::atomic_store(&open_script_, std::make_shared<OpenScript>(std::move(script)));
}

void FakeClient::on_resolve(Script script) {
  std::atomic_store(&script_, std::make_shared<Script>(std::move(script)));
}

void FakeClient::answer(vs_dns_result result, const std::string& canonical,
                        const std::vector<vs_dns_result_address>& addresses,
                        const std::vector<std::string>& names) {
  on_resolve([=](const Asked&) {
    return Reply{.answer = std::make_unique<Answer>(result, canonical, addresses, names)};
  });
}

void FakeClient::fail(int error) {
  on_resolve([=](const Asked&) { return Reply{.error = error}; });
}

int FakeClient::open(const char* name, const char* service, int timeout_ms, vs_device** device) {
  if (std::strcmp(name, "dns") != 0 || std::strcmp(service, "dns") != 0) return -ENODEV;
  if (const int error = (*std::atomic_load(&open_script_))(timeout_ms); error != 0) return error;
  auto opened = std::make_unique<vs_device>();
  opened->fd = memfd_create("device", MFD_CLOEXEC);
  struct stat status {};
  if (opened->fd < 0 || fstat(opened->fd, &status) != 0) return -errno;
  opened->inode = status.st_ino;
  opened->opener = getpid();
  opened->number = ++opens_;
  opened->epoch = epoch_;
  *device = opened.release();
  return 0;
}

void FakeClient::end(vs_device* device, bool told) {
  if (device->epoch == epoch_) ++(told ? closes_ : forgets_);
  if (told && device->opener != getpid()) ++violations_;
  if (device->in_use) ++violations_;
  struct stat status {};
  if (fstat(device->fd, &status) == 0 && status.st_ino == device->inode) ::close(device->fd);
  delete device;
}

bool FakeClient::alive(const vs_device& device) const {
  struct stat status {};
  return device.epoch == epoch_ && fstat(device.fd, &status) == 0 && status.st_ino == device.inode;
}

int FakeClient::resolve(vs_device& device, Asked asked, vs_dns_result_set** answer) {
  if (device.opener != getpid() || device.in_use.exchange(true)) ++violations_;
  ++calls_;
  asked.device = device.number;
  Reply reply = (*std::atomic_load(&script_))(asked);
  device.in_use = false;
  if (reply.error != 0) return reply.error;
  ++answers_alive_;
  const vs_dns_result_set set = reply.answer->set();
  *answer = &(new OwnedAnswer{set, std::move(reply.answer)})->set;
  return 0;
}

void FakeClient::free(vs_dns_result_set* answer) {
  if (answer == nullptr) return;
  --answers_alive_;
  delete reinterpret_cast<OwnedAnswer*>(answer);
}

}  // namespace vs::test

using vs::test::FakeClient;

int vs_open(const char* name, const char* service, int timeout_ms, vs_device** device) {
  return FakeClient::get().open(name, service, timeout_ms, device);
}
void vs_close(vs_device* device) { FakeClient::get().end(device, true); }
void vs_forget(vs_device* device) { FakeClient::get().end(device, false); }
int vs_alive(const vs_device* device) { return FakeClient::get().alive(*device) ? 1 : 0; }

int vs_dns_resolve(vs_device* device, const char* name, int family, int timeout_ms,
                   vs_dns_result_set** answer) {
  return FakeClient::get().resolve(
      *device, {.name = name, .family = family, .timeout_ms = timeout_ms}, answer);
}

int vs_dns_resolve_address(vs_device* device, const void* address, int family, int timeout_ms,
                           vs_dns_result_set** answer) {
  vs::test::Asked asked{.family = family, .timeout_ms = timeout_ms};
  std::memcpy(asked.address.data(), address, family == AF_INET ? 4 : 16);
  return FakeClient::get().resolve(*device, asked, answer);
}

void vs_dns_free(vs_dns_result_set* answer) { FakeClient::get().free(answer); }

// No device has a table: that it is looked into first, show tests with the real library.
vs_dns_table* vs_dns_table_hold(const vs_device*) { return nullptr; }
void vs_dns_table_drop(vs_dns_table*) {}
int vs_dns_table_find(vs_dns_table*, const char*, int, vs_dns_result_set**) { return 0; }

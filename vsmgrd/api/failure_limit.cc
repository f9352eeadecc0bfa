#include "vsmgrd/api/failure_limit.h"

#include <algorithm>

namespace vs::http {

std::chrono::seconds FailureLimit::wait(const std::string& client) const {
  const auto now = clock_.now();
  return clients_.with([&](const auto& clients) -> std::chrono::seconds {
    const auto found = clients.find(client);
    if (found == clients.end() || found->second.count < kFailuresMax) return {};
    const auto left = std::chrono::ceil<std::chrono::seconds>(found->second.begun + kFailureWindow - now);
    return std::max(left, std::chrono::seconds{0});
  });
}

void FailureLimit::failed(const std::string& client) {
  const auto now = clock_.now();
  clients_.with([&](auto& clients) {
    const auto over = [&](const auto& one) { return now - one.second.begun >= kFailureWindow; };
    if (clients.size() >= kFailingClientsMax && !clients.contains(client)) {
      std::erase_if(clients, over);
      if (clients.size() >= kFailingClientsMax)
        clients.erase(std::min_element(clients.begin(), clients.end(), [](const auto& a, const auto& b) {
          return a.second.begun < b.second.begun;
        }));
    }
    const auto [at, fresh] = clients.try_emplace(client, Failures{now, 0});
    if (!fresh && over(*at)) at->second = {now, 0};
    ++at->second.count;
  });
}

}  // namespace vs::http

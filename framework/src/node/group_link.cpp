#include <atoll/core/state/group_members.hpp>
#include <atoll/node/group_admin.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <thread>
#include <utility>

namespace atl::node {

namespace {

using runtime::message_kind;

/// The calls to the members of a running group.
class client_link final : public group_link {
 public:
  client_link(runtime::service_client& client, std::vector<member_config> configured,
              std::string role)
      : client_{client}, configured_{std::move(configured)}, role_{std::move(role)} {}

  result<group_overview> overview() override { return ask_group(client_.group(), role_); }

  result<group_status> ask(const std::string& name) override {
    auto answers = client_.group().call_each(message_kind::group_status, {});
    for (std::size_t i = 0; i < answers.size() && i < configured_.size(); ++i)
      if (configured_[i].name == name)
        return answers[i] ? decode_group_status(*answers[i]) : tl::unexpected{answers[i].error()};
    return fail(errc::not_found, fmt::format("the cluster's file names no member '{}'", name));
  }

  result<spi::replica_id> admit(const member_identity& wanted) override {
    auto answer = client_.run(admit_member_type, encode(wanted));
    return answer ? decode_admission(*answer) : tl::unexpected{answer.error()};
  }

  status change_members(const replica_ids& voters, const replica_ids& learners,
                        const replica_ids& lost) override {
    auto wanted = encode(runtime::change_members{voters, learners, lost});
    return client_.group().call(message_kind::members, std::move(wanted)).map([](auto&&) {});
  }

  status transfer_leadership(spi::replica_id to) override {
    spi::writer wanted;
    wanted.put(to);
    return client_.group().call(message_kind::transfer, wanted.take()).map([](auto&&) {});
  }

  std::chrono::steady_clock::time_point now() const override {
    return std::chrono::steady_clock::now();
  }
  void pause(std::chrono::milliseconds time) override { std::this_thread::sleep_for(time); }

 private:
  runtime::service_client& client_;
  const std::vector<member_config> configured_;
  const std::string role_;
};

} // namespace

std::unique_ptr<group_link> make_group_link(runtime::service_client& client,
                                            std::vector<member_config> configured,
                                            std::string role) {
  return std::make_unique<client_link>(client, std::move(configured), std::move(role));
}

} // namespace atl::node

// The wire is plain Thrift: a generated client over Thrift's own socket, framing and protocol classes calls our server.
#include "tests/runtime/rpc/RpcFixture.h"

#include <thrift/TApplicationException.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TSocket.h>

namespace heter::runtime {
namespace {

using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TFramedTransport;
using apache::thrift::transport::TSocket;

TEST(StockClientTest, CallsAServer) {
  auto scheduler = makeThreadedScheduler(2);
  auto transport = makeAsioTransport(*scheduler);
  auto service = makeTestService(*scheduler);
  auto address = transport->listen("127.0.0.1:0", service->acceptor());
  ASSERT_TRUE(address.ok());

  auto socket = std::make_shared<TSocket>("127.0.0.1", std::stoi(address->substr(address->rfind(':') + 1)));
  auto framed = std::make_shared<TFramedTransport>(socket);
  rpc::ServerClient client(std::make_shared<TBinaryProtocol>(framed));
  framed->open();

  rpc::PullRowsReply rows;
  std::string keys(100'000, 'k');
  client.pullRows(rows, pullRowsRequest(keys));
  EXPECT_EQ(rows.version, 7);
  EXPECT_EQ(rows.rows, keys + keys);

  auto wrong = pullRowsRequest("");
  wrong.table = 2;
  try {
    client.pullRows(rows, wrong);
    FAIL() << "the error was lost";
  } catch (const rpc::RpcError &error) {
    EXPECT_EQ(error.code, static_cast<int>(StatusCode::NotFound));
    EXPECT_EQ(error.message, "there is no table 2");
  }

  try {
    rpc::StatsReply stats;
    client.stats(stats, rpc::StatsRequest());
    FAIL() << "an unknown method was answered";
  } catch (const apache::thrift::TApplicationException &error) {
    EXPECT_EQ(error.getType(), apache::thrift::TApplicationException::UNKNOWN_METHOD);
  }

  rpc::CloseStepReply closed;
  client.closeStep(closed, closeStepRequest(3));
  EXPECT_EQ(closed.version, 3);
  framed->close();
  service->clear();
}

} // namespace
} // namespace heter::runtime

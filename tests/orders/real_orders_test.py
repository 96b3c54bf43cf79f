#!/usr/bin/env python3
"""A real shop's December (the Online Retail data set, 42,481 lines) against a real server over HTTP with 16 clients, once
with ample stock and once with 60 % of it. What `holdfast simulate` reports is compared with this script's own reading of
the file, with the server's counters, and with the audit.

The data set is not part of this repository: $HOLDFAST_ORDERS names the file, or it lies in ../shared/data."""
import collections
import csv
import gzip
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HOLDFAST = os.environ["HOLDFAST_BINARY"]
ORDERS = pathlib.Path(
    os.environ.get("HOLDFAST_ORDERS", ROOT.parent / "shared" / "data" / "online-retail-2010-12.csv.gz"))


def demand():
    """What was asked of each SKU, read without the program's help: goods have codes that begin with five digits, or are
    cards and gifts."""
    units = collections.Counter()
    lines = 0
    with gzip.open(ORDERS, "rt", newline="") as file:
        for row in csv.DictReader(file):
            lines += 1
            goods = re.match(r"\d{5}|DCGS|gift_", row["StockCode"])
            if goods and not row["InvoiceNo"].startswith("C") and int(row["Quantity"]) > 0:
                units[row["StockCode"]] += int(row["Quantity"])
    return lines, units


class Server:
    def __init__(self, directory):
        self.data = os.path.join(directory, "data")
        self.process = subprocess.Popen(
            [HOLDFAST, "serve", "--listen", "127.0.0.1:0", "--data", self.data], stdout=subprocess.PIPE, text=True)
        self.url = re.search(r"http://\S+:\d+", self.process.stdout.readline()).group()

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(timeout=60)


class RealOrders(unittest.TestCase):
    def simulate(self, share):
        """Runs all orders, and returns the report and the counters of each SKU."""
        with tempfile.TemporaryDirectory() as directory:
            server = Server(directory)
            try:
                done = subprocess.run(
                    [HOLDFAST, "simulate", "--orders", ORDERS, "--stock-share", str(share), "--server", server.url,
                     "--concurrency", "16", "--json"], stdout=subprocess.PIPE, text=True, timeout=600)
                self.assertEqual(done.returncode, 0)
                counters = {sku: server.get(f"/v1/skus/{urllib.parse.quote(sku, safe='')}/stock")["total"]
                            for sku in self.units}
            finally:
                self.assertEqual(server.stop(), 0)
            subprocess.run([HOLDFAST, "audit", "--data", server.data], check=True, stdout=subprocess.DEVNULL)
        return json.loads(done.stdout), counters

    def check(self, report, counters, stock):
        """What must be true whatever the stock was; returns the units that left the shelves, by SKU."""
        self.assertEqual(report["oversold"], 0)
        self.assertEqual(report["audit"], "clean")
        lines = report["lines"]
        self.assertEqual(lines["read"], self.lines)
        kinds = ("granted", "granted_in_part", "refused", "abandoned", "returned")
        self.assertEqual(sum(lines[kind] for kind in kinds) + sum(lines["skipped"].values()), self.lines)
        asked = report["units"]["asked"]
        self.assertEqual(asked, sum(self.units.values()))
        self.assertEqual(report["units"]["granted"] + report["units"]["refused"], asked)
        shipped = {}
        for sku, its in counters.items():
            with self.subTest(sku=sku):
                self.assertGreaterEqual(its["available"], 0)
                self.assertEqual(its["held"] + its["committed"], 0)
                self.assertEqual(its["on_hand"], its["available"] + its["returned"])
                shipped[sku] = stock[sku] - its["available"]
                self.assertGreaterEqual(shipped[sku], 0)
        self.assertEqual(sum(shipped.values()), report["units"]["granted"])
        self.assertEqual(sum(its["returned"] for its in counters.values()), report["units"]["returned"])
        return shipped

    def test_ample_stock_serves_everybody(self):
        report, counters = self.simulate(1)
        self.assertEqual(self.check(report, counters, self.units), self.units)

    def test_scarce_stock_is_sold_out_and_never_oversold(self):
        stock = {sku: units * 6 // 10 for sku, units in self.units.items()}
        report, counters = self.simulate(0.6)
        shipped = self.check(report, counters, stock)
        for sku, units in shipped.items():
            self.assertLessEqual(units, stock[sku])
        # More was asked of every SKU than there was, and who was refused was offered what was left.
        self.assertGreater(sum(shipped.values()), 0.99 * sum(stock.values()))


if __name__ == "__main__":
    if not ORDERS.exists():
        print(f"skipped: {ORDERS} is not there; set HOLDFAST_ORDERS to the data set's file")
        sys.exit(77)
    RealOrders.lines, RealOrders.units = demand()
    unittest.main()

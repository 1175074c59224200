//! Made lists in the shapes of the four providers, for tests.

pub(in crate::place) const AWS: &str = r#"{
  "syncToken": "1780520000",
  "createDate": "2026-06-03-21-13-20",
  "prefixes": [
    {"ip_prefix": "3.4.12.4/32", "region": "eu-west-1", "service": "AMAZON",
      "network_border_group": "eu-west-1"},
    {"ip_prefix":
      "15.220.80.0/20", "region": "eu-central-1", "service": "EC2", "network_border_group": "eu-central-1-waw-1"},
    {"ip_prefix": "15.230.39.0/31", "region": "xx-new-1", "service": "AMAZON", "network_border_group": "xx-new-1"},
    {"ip_prefix": "52.84.0.0/15", "region": "GLOBAL", "service": "AMAZON", "network_border_group": "GLOBAL"},
    {"ip_prefix": "52.84.0.0/15", "region": "GLOBAL", "service": "CLOUDFRONT", "network_border_group": "GLOBAL"},
    {"ip_prefix": "13.248.118.0/24", "region": "eu-west-1", "service": "GLOBALACCELERATOR",
      "network_border_group": "eu-west-1"},
    {"ip_prefix": "75.2.0.0/17", "region": "GLOBAL", "service": "GLOBALACCELERATOR",
      "network_border_group": "GLOBAL"}
  ],
  "ipv6_prefixes": [
    {"ipv6_prefix": "2a05:d018::/36", "region": "eu-west-1", "service": "EC2", "network_border_group": "eu-west-1"}
  ]
}
"#;

pub(in crate::place) const GOOGLE: &str = r#"{
  "syncToken": "1780100000000",
  "creationTime": "2026-05-30T00:13:20.123456",
  "prefixes": [
    {"ipv4Prefix": "34.0.240.0/20", "service": "Google Cloud", "scope": "europe-west4"},
    {"ipv6Prefix": "2600:1900:40a0::/44", "service": "Google Cloud", "scope": "europe-west4"},
    {"ipv4Prefix": "35.186.0.0/17", "service": "Google Cloud", "scope": "global"}
  ]
}
"#;

pub(in crate::place) const ORACLE: &str = r#"{
  "last_updated_timestamp": "2026-06-02T09:01:02.000003",
  "regions": [
    {"region": "eu-frankfurt-1", "cidrs": [{"cidr": "129.148.128.0/20", "tags": ["OCI"]}]},
    {"region": "uk-london-1", "cidrs": [{"cidr": "132.145.0.0/20", "tags": ["OCI", "OSN"]}]}
  ]
}
"#;

pub(in crate::place) const AZURE: &str = r#"{
  "changeNumber": 381,
  "cloud": "Public",
  "values": [
    {"name": "AzureCloud.westeurope", "id": "AzureCloud.westeurope", "properties": {"changeNumber": 1,
      "region": "westeurope", "platform": "Azure", "systemService": "",
      "addressPrefixes": ["13.69.0.0/17", "2603:1020:200::/46"]}},
    {"name": "AzureCloud", "id": "AzureCloud", "properties": {"changeNumber": 2, "region": "", "platform": "Azure",
      "systemService": "", "addressPrefixes": ["13.69.0.0/17"]}},
    {"name": "AzureFrontDoor.Frontend", "id": "AzureFrontDoor.Frontend", "properties": {"changeNumber": 3,
      "region": "", "platform": "Azure", "systemService": "AzureFrontDoor", "addressPrefixes": ["13.107.213.0/24"]}}
  ]
}
"#;

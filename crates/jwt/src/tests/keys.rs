//! Keys made for these tests, as JWKs. They protect nothing.

/// An RSA key pair of 2,048 bits.
pub(crate) const RSA: &str = r#"{"kty":"RSA","n":"zSZpVK4NJBhWj1IDmELuSCLMUXkXXiseOCtDRR1lU64ni0FknvPbLEKxpcLGhn6gqvJep6FatSvmG_4vhbSuf03UPRyxgKK5j42-C7PB7F9RmvsFp4ybTsHEseiz6QnnXOBMCMQZplF83OSnwnRXrb1SUUFcVnMYLciQUxaFVv-8K2hty13oR2YrRigjoiq4f9ypXJjakdjCRjtC_iBg4dGbGqla4nvQm8fX-H6MluMhC29XlbwFNeneTSNNPwpH8DbzjSmI0inw8GiK-U5jZhP3iY3W9JXlKX55VbtF5ZRDT4oQPenMR4GGEntoWYCAmIVMfQ1L1wl-zZwTUCHFuQ","e":"AQAB","d":"KdIaxth0dVdAzha6BOAgEzSE0lcNHHVNw8WOARjs_xIRnaHHEWBE3dD6xf_e2KwXtMGT6jhKdYRtdGds6KTcrbb__TVMOhzyFwGeLGSIs9b6m81waaeQQY3euyXlByytrZFL7r2LPQx_l8hFKq7s8M4XadkZKcZst2ibg1Sj-gfql3eom9JazJR9oydsHi4RTtD037MiIp9EwZeWP73LSuQByNj1LU5GcHg6Mh46Dqy5RWRfefDu-3DWyFmUNMTG7BbKB29RKqkzmzaUMc1scffvIMM50lxUEiCtNP79CkPXyWpIcV4W4NGPyl9JdEMdPRl9y5ywhnrFDUjZaBFPAQ","p":"8MbhY691Bnci3DDaUJvg8HKlDbDy8RYFsk4mquUzjVqdfG3QaNUTBPSOrQKsXHQr-tvesR-l-iXoG2qvNp1dzCl7QokmQzceN1UYUutj5N4U2iD-D-4ocCDs0-4NdQVrPqwgOvURJ9kgOCLOiCTfQVCxbLwkYwWwyqNF0-IEw10","q":"2h7joJOTN62h2TUXkoiy81cPrlwWs2oD-ZJdGt6YnC0UmuczHrGser0EOwLXx6YceiZpntQzTffKOfiFUsEUf77ORqoA9gIquTcrvxk6jAhfXLSM0LqVMLG2wYCV3PY3semVBrp2_Vy-MEZ1APE_HFNZVk4LoLWJiWU95jIfog0","dp":"NTdv142PKven_8zYY9qgE-Ty8By9BWYdqjQ1va3dABAYIMlQt-roQj8fTcP6fpC6q75u8O0SzUAVlgG1ajfL5HUCpkkT6OVEy2wGbUVTleEz8KY8IR89VtMgJRNHbCbfdkGq-fzyZsFJqr6esV6c7Z29KVBIJo66bX86zsL01I0","dq":"BcteRqzE82y0aP3FE4p4HojIjNw7aia91kpyGL2jFjsIWhkcPYuAxn3w99RagR5DkWcl1SdT-ZVElQeqGwmwDri16CCqB98E3Yi-q8PyzzeFuQO-3eim__UoorlUwdr0ndBTuisH8DEfiE7G2vCNuaXpMKbAHlPURIcg_tWEC50","qi":"134egiEw_NAEVOSvJCZxd-7PbBDVjKdDur8637iEFug0Ls0mjgKnFap0sS0TwPMm-_QFpJdttLphdem9GbXDgrr_tpNLWbYdHmmUiNsjAScMwMvLCx5FJPBIHsIPsQcamRa2IOTyG01cR9DvejVuw7lz1ILPuKCp4qDVPI0SPIU"}"#;

/// Another one, public half.
pub(crate) const RSA_OTHER: &str = r#"{"kty":"RSA","n":"67qfmY9J10GPLHb8-B47iplsI5mAfchuze6mu0zoU3AtH8bNIbW7sDQJ6IZptxeAS9uwSNJ-FtUOl-4_cd-BTAXe8ZOLnRo-0Ta78TH-dqORGSLHv2iIrvc1fivkzvxFQd_3T53Q0T2oz-RgNiBScwmQXKuFrACd4lqWMUlyqPI-xDAWFD4WZBs3zABZxXynKMBc_drVAvXT9Uu7PID11jz7ZXOrZJFXwCBlBPtAvcnDCUodD_MqbR4AHqHFWoPMoZrzlx0GUdAmYcq9_4imKcsjfaB_cwWPgdFc9okHxvwpOXrWZzpuCedYEhiPU_Ru7a7w5fKnQnGnAtgc7RGxKw","e":"AQAB"}"#;

/// Too short to be used.
pub(crate) const RSA_SHORT: &str = r#"{"kty":"RSA","n":"rxzAArjAbAC0CzKZHaGOyLxqm5iR2T2R5UcjPKnv3uDVFhyFFVwofSD2_iyC7nYMXMpSu29I1ap33a5Svazoaj_nqO3imSdGu74kLJbX-K0bg12Pa94oNI3YZ10yLusK4sCiSSJhI5l2tHzz7aSFfVPywcKjLj7kh_xWUzk3gU8","e":"AQAB"}"#;

/// A key pair on P-256.
pub(crate) const P256: &str = r#"{"kty":"EC","x":"hcLG7o-WX8DpZMj5C-b8PhjRgdnjhvd3nct7yi_oT1k","y":"reXFUTfNboNkNY2pCVJLIOAAj-msOGKsdSdByeEGewY","crv":"P-256","d":"7VbfrYdcfL8fKoED1F-RlLR82_CJD8udP5c_jkhncsc"}"#;

/// A public key on P-384.
pub(crate) const P384: &str = r#"{"kty":"EC","x":"smesXDDzXVM4_MbYyU5JO6do_LIltFlTj6tMmXnOytwIq5tI06NPf4rd8CqtDbd0","y":"bLIIS9tO1q1fYPzvYcV7IyW3vxNhwGQpS9mabWf-qG20NEyopt6ZATLkCV6VhzgG","crv":"P-384"}"#;

/// A public key on P-521.
pub(crate) const P521: &str = r#"{"kty":"EC","x":"AcHp__OaJqAn2-fPYL18vfG19p2jSs_YrTpvyjAl46dwa1hc-efUc_zw8cI6wx7VzOViSRNBNO4rZq274VAUhED0","y":"AGWrbFNV7EHMX7KXm0tTywHoZzTRxgczDpMfdxmyGOvMaOcSpcxhq1GwrzBKo-HI7phI11ACt5-XtUatoOFW_oNV","crv":"P-521"}"#;

/// An Ed25519 key pair.
pub(crate) const ED25519: &str = r#"{"crv":"Ed25519","d":"FfQvlAPITM2ftCmxaTo-LdqLxLUROYPcqVxNA4YUXUU","x":"M0xN5KBJEM83jAxsz5Dgj5sHUEFXrrYZOY8XiWsuxBQ","kty":"OKP"}"#;

/// A key for key agreement, on a curve that signs nothing.
pub(crate) const X25519: &str =
    r#"{"crv":"X25519","x":"8m_JnHjziYNr13uyaQWLUixBa0zdQSK3uKqqQeVXVEg","kty":"OKP"}"#;

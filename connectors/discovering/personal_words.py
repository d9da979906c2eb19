"""The words by which columns say that they hold personal data, in the languages that old systems are written in."""

from __future__ import annotations

from typing import NamedTuple

from catalog.models import Classification, Mask

CONFIDENTIAL, RESTRICTED = Classification.confidential, Classification.restricted


class Kind(NamedTuple):
    """One kind of personal data, and what a contract does with it."""

    name: str
    classification: Classification
    mask: Mask


NAME = Kind("the name of a person", CONFIDENTIAL, "redact")
MAIL = Kind("an e-mail address", CONFIDENTIAL, "pseudonym")
PHONE = Kind("a phone number", CONFIDENTIAL, "last4")
ADDRESS = Kind("a postal address", CONFIDENTIAL, "redact")
POSTCODE = Kind("the postcode of an address", CONFIDENTIAL, "redact")
BIRTH = Kind("a date of birth", RESTRICTED, "year")
BIRTHPLACE = Kind("a place of birth", RESTRICTED, "redact")
CARD = Kind("a card number", RESTRICTED, "last4")
ACCOUNT = Kind("a bank account", RESTRICTED, "last4")
IDENTITY = Kind("a tax, social security or identity number", RESTRICTED, "pseudonym")
SECRET = Kind("a password or another secret", RESTRICTED, "drop")
LOGIN = Kind("the login of a person", CONFIDENTIAL, "pseudonym")
NETWORK = Kind("a network address of a person", CONFIDENTIAL, "pseudonym")
SENSITIVE = Kind("a sensitive trait of a person", RESTRICTED, "redact")
PAY = Kind("what a person earns", RESTRICTED, "redact")
NOTES = Kind("free text about a person", CONFIDENTIAL, "redact")
PICTURE = Kind("a picture of a person", RESTRICTED, "drop")
COURTESY = Kind("a form of address", CONFIDENTIAL, "redact")
PLACE = Kind("where a person is", CONFIDENTIAL, "redact")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The words of a column's name, joined. They say what it holds in any table.
ALWAYS: tuple[tuple[Kind, frozenset[str]], ...] = (
    (SECRET, _words(
        "password passwd passwort pwd pwdhash passwordhash passwordsalt secret apikey accesstoken refreshtoken "
        "contrasena motdepasse kennwort pin"
    )),
    (MAIL, _words(
        "email emailaddress mail mailaddress emailaddr correo correoelectronico courriel emailadresse eposta epost"
    )),
    (PHONE, _words(
        "phone telephone phonenumber phoneno mobile mobilephone cellphone cell fax faxnumber tel telno telnr telefon "
        "telefonnummer telefono handy homephone workphone telefax mobil mobilnummer movil celular portable phonenum "
        "faxno msisdn"
    )),
    (BIRTH, _words(
        "birthdate dateofbirth birthday dob birth bornon born geburtsdatum gebdat gebdatum geburtstag fechanacimiento "
        "fechadenacimiento datenaissance datedenaissance datanascita dtnasc datanascimento birthyear yearofbirth"
    )),
    (BIRTHPLACE, _words(
        "birthplace placeofbirth geburtsort lieunaissance lugarnacimiento birthcity"
    )),
    (CARD, _words(
        "creditcard cardnumber cardno creditcardnumber ccnumber ccnum pan kreditkarte kartennummer debitcard cvv cvc "
        "cardcvv"
    )),
    (ACCOUNT, _words(
        "iban bankaccount accountnumber bankaccountnumber kontonummer kontonr bankkonto routingnumber sortcode "
        "cuentabancaria rib"
    )),
    (IDENTITY, _words(
        "ssn socialsecuritynumber socialsecurity nationalid nationalidnumber nationalidentifier passport "
        "passportnumber passportno taxid taxnumber tin steuernummer steuerid sozialversicherungsnummer svnr "
        "personalausweis ausweisnr dni nif nino curp cpf codicefiscale driverlicense driverslicense drivinglicence "
        "licenceno licenseno licensenumber licencenumber idcard idcardnumber bsn nhsnumber medicarenumber fingerprint "
        "biometric licenseplate licenceplate kennzeichen"
    )),
    (NAME, _words(
        "firstname lastname surname givenname familyname fullname middlename forename fname lname maidenname nickname "
        "contactname personname customername employeename patientname contactperson vorname nachname familienname "
        "ansprechpartner nombre apellido apellidos nombrecompleto prenom nom nomdefamille cognome sobrenome voornaam "
        "achternaam cardholder accountholder holdername recipient recipientname consignee shipname billname "
        "shiptoname billtoname attention authorname contactfirstname contactlastname salesperson salesrep drivername "
        "passengername guestname middleinitial initials minit emergencycontact nextofkin displayname mother father "
        "mothersname fathersname spouse spousename"
    )),
    (COURTESY, _words(
        "titleofcourtesy courtesytitle salutation anrede civilite honorific nameprefix namesuffix"
    )),
    (ADDRESS, _words(
        "address address1 address2 address3 addressline addressline1 addressline2 streetaddress street street1 "
        "street2 streetname postaladdress homeaddress billingaddress shippingaddress shipaddress billaddress "
        "mailingaddress deliveryaddress adresse anschrift strasse str hausnummer hausnr housenumber direccion calle "
        "rue indirizzo endereco addr addr1 addr2 addrline1 addrline2 physicaladdress residence wohnort domicile "
        "apartment custaddress custstreet"
    )),
    (LOGIN, _words(
        "username login loginname loginid userlogin useraccount benutzername usuario screenname createdby modifiedby "
        "updatedby changedby approvedby insertedby enteredby lastmodifiedby lastupdatedby twitter skype linkedin "
        "facebook socialmedia"
    )),
    (NETWORK, _words(
        "ip ipaddress ipaddr ipv4 ipv6 clientip remoteip remoteaddr macaddress macaddr deviceid imei useragent "
        "cookieid sessionid"
    )),
    (SENSITIVE, _words(
        "gender sex geschlecht genero religion ethnicity race nationality staatsangehoerigkeit maritalstatus "
        "familienstand disability bloodtype bloodgroup diagnosis diagnose medicalhistory allergies sexualorientation "
        "politicalparty unionmember creditscore criminalrecord"
    )),
)  # fmt: skip

# Words that mean a person only in a table about persons.
NEAR_PERSONS: tuple[tuple[Kind, frozenset[str]], ...] = (
    (NAME, _words(
        "name naam namn navn"
    )),
    (PHONE, _words(
        "extension ext durchwahl pager"
    )),
    (POSTCODE, _words(
        "postalcode postcode zip zipcode plz postleitzahl codigopostal codepostal cap cep billingpostalcode "
        "shippostalcode shippingpostalcode zip4"
    )),
    (NOTES, _words(
        "notes note comment comments remarks remark bio biography memo bemerkung bemerkungen notiz notizen "
        "description about observaciones remarques kommentar"
    )),
    (PICTURE, _words(
        "photo photopath photourl picture avatar image portrait foto bild signature avatarurl imageurl picturepath"
    )),
    (PAY, _words(
        "salary wage income pay payrate hourlyrate bonus gehalt lohn salario salaire compensation commission "
        "commissionpct sal comm"
    )),
    (PLACE, _words(
        "latitude longitude lat lon lng geolocation location coordinates"
    )),
    (SENSITIVE, _words(
        "age weight height health smoker"
    )),
)  # fmt: skip

# A table called so is about persons.
PERSONS = _words(
    "customer client employee person people contact user member patient staff student teacher driver owner guest "
    "subscriber passenger crew applicant candidate beneficiary doctor nurse physician salesperson lead donor tenant "
    "resident citizen visitor worker personnel hr individual participant voter borrower policyholder author emp cust "
    "kunde kunden mitarbeiter benutzer personal angestellter patienten cliente clientes empleado empleados usuario "
    "usuarios persona personas employe utilisateur personne medewerker klant prospect adressen recipient buyer seller "
    "representative rep manager"
)

# Columns of these names are had by persons only, whatever the table is called.
OF_PERSONS = _words(
    "firstname lastname surname givenname familyname fname lname forename middlename vorname nachname apellido "
    "apellidos prenom cognome sobrenome voornaam achternaam maidenname"
)

# An address or a phone in a table about such things is theirs, and nobody's.
PLACES = _words(
    "warehouse store branch facility airport station hotel restaurant venue plant site office depot building school "
    "hospital museum port location shop department filiale lager standort werk publisher agency territory country "
    "city district"
)

# A name that ends in one of these is about the thing, and not the thing: email_verified, phone_type, address_id.
ABOUT = _words(
    "type status flag count verified confirmed sent kind format id valid enabled optin optout consent expires expiry "
    "attempts hint template subject category source provider opt preference allowed at changed key length typ art "
    "code size server domain host port subscribed bounced reset"
)

# In front of a word they say whose it is, and change nothing: home_phone, billing_street, contact_email.
WHOSE = _words(
    "home work billing bill shipping ship contact customer client employee user person primary secondary alternate "
    "alt other private personal business office emergency main mobile cell delivery mailing postal patient member "
    "owner buyer seller to from guest student driver passenger applicant cust emp current permanent legal invoice "
    "sender recipient reply staff author manager supplier vendor au c p kunde kunden rechnung liefer old new last day "
    "evening direct company your my account e"
)

# The name of one of these is nobody's: company_name.
THINGS = _words("company firm product brand file table host item category project")
